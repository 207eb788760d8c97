import { ShapeError } from "../errors.js";
import { promote, type DType, type Promote } from "../dtype.js";
import { checkTensor, defineOp, type Op } from "../op.js";
import { formatShape, type Shape } from "../shape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { ACTIVATIONS, activationBiasGrad, activationGrad, type ActivationName } from "./activation-grad.js";
import { checkChoice, checkFloating, checkInteger, checkPair } from "./arguments.js";
import { checkOptions } from "../checks.js";
import { add } from "./binary.js";
import { expandTo } from "./broadcast.js";
import { cast } from "./cast.js";
import { permute } from "./transpose.js";
import { checkPadding, encodeWindow, makeWindow, windowPlaces, type Padding, type Window } from "./window.js";

export interface Conv2dOptions {
  /** Added to every pixel of the result: one element an output channel. */
  bias?: Tensor;
  /** Pixels from one place of the kernel to the next; [height, width] or one number for both. 1 by default. */
  strides?: number | readonly [number, number];
  /** "valid" (none, the default), "same" (the result has ceil(size / stride) pixels), or pixels of zeros per side. */
  padding?: Padding;
  /** Pixels from one element of the kernel to the next. 1 by default. */
  dilationRate?: number | readonly [number, number];
  /** The channels are cut into so many groups, convolved by themselves. 1 by default. */
  groups?: number;
  /** "channelsLast" (NHWC, the default) or "channelsFirst" (NCHW), for the input and the result. */
  dataFormat?: "channelsLast" | "channelsFirst";
  /** Applied last. With the bias it costs no further pass over memory. */
  activation?: ActivationName;
}

const OPTIONS = ["bias", "strides", "padding", "dilationRate", "groups", "dataFormat", "activation"];
/** Where images have their channels: NHWC or NCHW. */
export const DATA_FORMATS = ["channelsLast", "channelsFirst"] as const;
const TO_CHANNELS_LAST = [0, 2, 3, 1];
const TO_CHANNELS_FIRST = [0, 3, 1, 2];

interface Geometry {
  readonly window: Window;
  readonly groups: number;
}

interface ConvAttributes extends Geometry {
  readonly outputShape: Shape;
  readonly activation: ActivationName;
}

const encodeGeometry = ({ window, groups }: Geometry): number[] => encodeWindow(window, groups);

// x [N, H, W, C], w [KH, KW, C / groups, O] -> y [N, OH, OW, O]
const convOp: Op<ConvAttributes> = defineOp({
  name: "conv2d",
  infer: ([x], { outputShape }) => [{ shape: outputShape, dtype: x!.dtype }],
  encode: (attrs) => [...encodeGeometry(attrs), ACTIVATIONS.indexOf(attrs.activation)],
  contiguous: true,
  save: ({ activation }, needs) => ({
    inputs: needs[0] ? (needs[1] ? [0, 1] : [1]) : needs[1] ? [0] : [],
    outputs: activation === "none" ? [] : [0],
  }),
  backward: ({ grads, inputs, outputs, needs, inputShapes, attrs }) => {
    const { window, groups, activation } = attrs;
    const [x, w] = inputs;
    let dz = grads[0]!;
    let dbias: Tensor | null = null;
    // The kernel of the weight gradient reads dz anyway: it sums the bias gradient unless the activation's has done so.
    const biasWithWeights = needs[2] && needs[1] && activation === "none";
    if (needs[2] && !biasWithWeights) [dz, dbias] = activationBiasGrad(dz, outputs[0], activation);
    else dz = activationGrad(dz, outputs[0]!, activation);
    let dw: Tensor | null = null;
    if (needs[1]) {
      const made = weightGradOp([x!, dz], { window, groups, kernelShape: inputShapes[1]!, bias: biasWithWeights! });
      dw = made[0]!;
      dbias ??= made[1] ?? null;
    }
    const dx = needs[0] ? inputGradOp([dz, w!], { window, groups, inputShape: inputShapes[0]! })[0]! : null;
    return [dx, dw, dbias];
  },
});

// dy, w -> dx. Linear in both, so that its gradients are convolutions again.
const inputGradOp: Op<Geometry & { inputShape: Shape }> = defineOp({
  name: "conv2dInputGrad",
  infer: ([dy], { inputShape }) => [{ shape: inputShape, dtype: dy!.dtype }],
  encode: (attrs) => encodeGeometry(attrs),
  contiguous: true,
  save: { inputs: [0, 1] },
  backward: ({ grads, inputs, needs, inputShapes, attrs: { window, groups } }) => {
    const g = grads[0]!;
    const [dy, w] = inputs as [Tensor, Tensor];
    const attrs = { window, groups, outputShape: inputShapes[0]!, activation: "none" } as const;
    return [
      needs[0] ? convOp([g, w], attrs)[0]! : null,
      needs[1] ? weightGradOp([g, dy], { window, groups, kernelShape: inputShapes[1]!, bias: false })[0]! : null,
    ];
  },
});

// x, dy -> dw [, dbias]. Linear in both.
const weightGradOp: Op<Geometry & { kernelShape: Shape; bias: boolean }> = defineOp({
  name: "conv2dWeightGrad",
  infer: ([x, dy], { kernelShape, bias }) => {
    const dtype = x!.dtype;
    return bias
      ? [
          { shape: kernelShape, dtype },
          { shape: dy!.shape.slice(-1), dtype },
        ]
      : [{ shape: kernelShape, dtype }];
  },
  encode: (attrs) => encodeGeometry(attrs),
  contiguous: true,
  save: { inputs: [0, 1] },
  backward: ({ grads, inputs, needs, inputShapes, attrs: { window, groups } }) => {
    const [g, gBias] = grads as [Tensor | null, Tensor | null | undefined];
    const [x, dy] = inputs as [Tensor, Tensor];
    const dx = needs[0] && g ? inputGradOp([dy, g], { window, groups, inputShape: inputShapes[0]! })[0]! : null;
    let ddy: Tensor | null = null;
    if (needs[1]) {
      const attrs = { window, groups, outputShape: inputShapes[1]!, activation: "none" } as const;
      const direct = g ? convOp([x, g], attrs)[0]! : null;
      const spread = gBias ? expandTo(gBias, inputShapes[1]!) : null;
      ddy = direct && spread ? add(direct, spread) : (direct ?? spread);
    }
    return [dx, ddy];
  },
});

/**
 * The 2-D convolution (cross-correlation, as in Keras) of images x [N, H, W, C] with a kernel
 * [height, width, C / groups, filters], giving [N, H', W', filters]. float32 and float64.
 *
 * @throws ShapeError when the ranks, channels or bias do not fit, or the kernel is larger than the padded image.
 * @throws ArgumentError for an option that is out of range. @throws DTypeError for integer tensors.
 */
export function conv2d<A extends DType, B extends DType>(
  x: Tensor<A>,
  kernel: Tensor<B>,
  options: Conv2dOptions = {},
): Tensor<Promote<A, B>> {
  checkTensor("conv2d", x);
  checkTensor("conv2d", kernel);
  checkOptions("conv2d", options, OPTIONS);
  const { bias } = options;
  if (bias !== undefined) checkTensor("conv2d", bias);
  const strides = checkPair("conv2d", "strides", options.strides ?? 1);
  const dilation = checkPair("conv2d", "dilationRate", options.dilationRate ?? 1);
  const padding = checkPadding("conv2d", options.padding ?? "valid");
  const groups = checkInteger("conv2d", "groups", options.groups ?? 1, 1);
  const dataFormat = checkChoice("conv2d", "dataFormat", options.dataFormat ?? "channelsLast", DATA_FORMATS);
  const activation = checkChoice("conv2d", "activation", options.activation ?? "none", ACTIVATIONS);
  checkOperands(x, kernel, bias);

  const channelsFirst = dataFormat === "channelsFirst";
  const images = channelsFirst ? permute(x, TO_CHANNELS_LAST) : x;
  const [count, height, width, channels] = images.shape as [number, number, number, number];
  const [kernelHeight, kernelWidth, kernelChannels, filters] = kernel.shape as [number, number, number, number];
  if (channels !== kernelChannels * groups || filters % groups !== 0) {
    throw new ShapeError(
      `conv2d: the channels do not fit: x is ${formatShape(x.shape)} (${dataFormat}), the kernel is ${formatShape(kernel.shape)}, groups is ${groups}`,
    );
  }
  if (bias && (bias.rank !== 1 || bias.shape[0] !== filters)) {
    throw new ShapeError(`conv2d: the bias does not fit: it is ${formatShape(bias.shape)}, expected [${filters}]`);
  }
  const size = [kernelHeight, kernelWidth] as const;
  const window = makeWindow([height, width], { size, strides, dilation, padding });
  const outputShape = [count, ...windowPlaces("conv2d", [height, width], window), filters];

  let dtype = promote(x.dtype, kernel.dtype);
  if (bias) dtype = promote(dtype, bias.dtype);
  const given = bias ? [images, kernel, bias] : [images, kernel];
  const inputs = given.map((input) => (input.dtype === dtype ? input : cast(input, dtype)));
  const result = convOp(inputs, { window, groups, outputShape, activation })[0]!;
  inputs.forEach((input, i) => {
    if (input !== given[i]) input.dispose();
  });
  if (!channelsFirst) return result as Tensor<Promote<A, B>>;
  images.dispose();
  const first = permute(result, TO_CHANNELS_FIRST);
  result.dispose();
  return first as Tensor<Promote<A, B>>;
}

function checkOperands(x: Tensor, kernel: Tensor, bias: Tensor | undefined): void {
  for (const [name, tensor] of [
    ["x", x],
    ["the kernel", kernel],
  ] as const) {
    if (tensor.rank !== 4) {
      throw new ShapeError(`conv2d: ${name} does not have 4 dimensions: its shape is ${formatShape(tensor.shape)}`);
    }
    checkFloating("conv2d", name, tensor);
  }
  if (kernel.size === 0) {
    throw new ShapeError(`conv2d: the kernel is empty: its shape is ${formatShape(kernel.shape)}`);
  }
  if (bias) checkFloating("conv2d", "the bias", bias);
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType> {
    /** See {@link conv2d}. */
    conv2d<B extends DType>(kernel: Tensor<B>, options?: Conv2dOptions): Tensor<Promote<D, B>>;
  }
}
addMethod("conv2d", conv2d);

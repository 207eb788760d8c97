import type { DType, Promote } from "../dtype.js";
import { defineOp, type Op, type OpDefinition } from "../op.js";
import type { Shape } from "../shape.js";
import type { Saved } from "../tape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { ACTIVATIONS, activationBiasGrad, activationGrad, type ActivationName } from "./activation-grad.js";
import { checkChoice, checkInteger, checkPair } from "./arguments.js";
import { checkOptions } from "../checks.js";
import { add } from "./binary.js";
import { expandTo } from "./broadcast.js";
import { checkBias, checkChannels, checkOperands, inCommonDType } from "./convolution.js";
import {
  DATA_FORMATS,
  checkPadding,
  encodeWindow,
  makeWindow,
  windowPlaces,
  withChannelsLast,
  type DataFormat,
  type Padding,
  type Window,
} from "./window.js";

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
  dataFormat?: DataFormat;
  /** Applied last; "none" by default. With the bias it costs no further pass over memory. */
  activation?: ActivationName;
}

const OPTIONS = ["bias", "strides", "padding", "dilationRate", "groups", "dataFormat", "activation"];

interface Geometry {
  readonly window: Window;
  readonly groups: number;
}

interface ConvAttributes extends Geometry {
  readonly outputShape: Shape;
  readonly activation: ActivationName;
}

const encodeGeometry = ({ window, groups }: Geometry): number[] => encodeWindow(window, groups);

interface InputGradAttributes extends Geometry {
  readonly inputShape: Shape;
}

interface WeightGradAttributes extends Geometry {
  readonly kernelShape: Shape;
  /** Whether the bias gradient is an output too. */
  readonly bias: boolean;
}

/** What the gradient of a product of two reads: of each that wants one, the other. */
function saveOthers(_: Geometry, needs: readonly boolean[]): Saved {
  return { inputs: [0, 1].filter((place) => needs[1 - place]) };
}

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
const inputGradOp: Op<InputGradAttributes> = defineOp<InputGradAttributes>({
  name: "conv2dInputGrad",
  infer: ([dy], { inputShape }) => [{ shape: inputShape, dtype: dy!.dtype }],
  encode: (attrs) => encodeGeometry(attrs),
  contiguous: true,
  save: saveOthers,
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

/** @internal The input gradient by another name: that is what a transposed convolution computes. */
export const convTransposeDefinition: OpDefinition<InputGradAttributes> = {
  ...inputGradOp.definition,
  kernel: "conv2dInputGrad",
};

// x, dy -> dw [, dbias]. Linear in both.
const weightGradOp: Op<WeightGradAttributes> = defineOp<WeightGradAttributes>({
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
  save: saveOthers,
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
  checkOptions("conv2d", options, OPTIONS);
  const { bias } = options;
  checkOperands("conv2d", 4, x, kernel, bias);
  const strides = checkPair("conv2d", "strides", options.strides ?? 1);
  const dilation = checkPair("conv2d", "dilationRate", options.dilationRate ?? 1);
  const padding = checkPadding("conv2d", options.padding ?? "valid");
  const groups = checkInteger("conv2d", "groups", options.groups ?? 1, 1);
  const dataFormat = checkChoice("conv2d", "dataFormat", options.dataFormat ?? "channelsLast", DATA_FORMATS);
  const activation = checkChoice("conv2d", "activation", options.activation ?? "none", ACTIVATIONS);
  checkChannels("conv2d", x, kernel, groups, dataFormat);
  checkBias("conv2d", bias, kernel.shape[3]!);
  const size = kernel.shape.slice(0, 2) as [number, number];
  return withChannelsLast(x, dataFormat, (images) => {
    const window = makeWindow("conv2d", images.shape.slice(1, 3), { size, strides, dilation, padding });
    return convolve("conv2d", images, kernel, bias, { window, groups, activation });
  }) as Tensor<Promote<A, B>>;
}

/** @internal The convolution of images [N, H, W, C] whose operands have been checked, but for the window's size. */
export function convolve(
  op: string,
  images: Tensor,
  kernel: Tensor,
  bias: Tensor | undefined,
  attrs: Omit<ConvAttributes, "outputShape">,
): Tensor {
  const [count, height, width] = images.shape as [number, number, number, number];
  const outputShape = [count, ...windowPlaces(op, [height, width], attrs.window), kernel.shape[3]!];
  const operands = bias ? [images, kernel, bias] : [images, kernel];
  return inCommonDType(operands, (inputs) => convOp(inputs, { ...attrs, outputShape })[0]!);
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType> {
    /** See {@link conv2d}. */
    conv2d<B extends DType>(kernel: Tensor<B>, options?: Conv2dOptions): Tensor<Promote<D, B>>;
  }
}
addMethod("conv2d", conv2d);

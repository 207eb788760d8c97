import type { DType, Promote } from "../dtype.js";
import { defineOp, type Op, type OpDefinition } from "../op.js";
import type { Shape } from "../shape.js";
import { isRecording, type BackwardContext, type Saved } from "../tape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { ACTIVATIONS, activationBiasGrad, activationGrad, type ActivationName } from "./activation-grad.js";
import { checkChoice, checkInteger, checkPair } from "./arguments.js";
import { checkOptions } from "../checks.js";
import { CONVOLUTIONS } from "../options.js";
import { add } from "./binary.js";
import { expandTo } from "./broadcast.js";
import { checkBias, checkChannels, checkOperands, inCommonDType } from "./convolution.js";
import { maxPool2dGrad, maxPool2dOutputs, type MaxPool2dOptions } from "./maxPool2d.js";
import { checkPool, placePool, type PoolWindow } from "./pool.js";
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
  /** Applied to the sum with the bias; "none" by default. Neither costs a further pass over memory. */
  activation?: ActivationName;
  /**
   * The result is max-pooled, as by `maxPool2d` with these options, and never in memory as a whole: training keeps the
   * pooled elements and their places. None by default.
   */
  maxPool?: Omit<MaxPool2dOptions, "dataFormat">;
}

const OPTIONS = ["bias", "strides", "padding", "dilationRate", "groups", "dataFormat", "activation", "maxPool"];

interface Geometry {
  readonly window: Window;
  readonly groups: number;
}

interface ConvAttributes extends Geometry {
  readonly outputShape: Shape;
  readonly activation: ActivationName;
}

/** The number of what NABLA_CONV chose. */
const algorithm = ([x]: readonly Tensor[]): number => CONVOLUTIONS.indexOf(x!.storage.stream.convolution);
const encodeGeometry = ({ window, groups }: Geometry, inputs: readonly Tensor[]): number[] => [
  ...encodeWindow(window, groups),
  algorithm(inputs),
];

interface InputGradAttributes extends Geometry {
  readonly inputShape: Shape;
}

interface WeightGradAttributes extends Geometry {
  readonly kernelShape: Shape;
  /** Whether the bias gradient is an output too. */
  readonly bias: boolean;
}

function encodeConvolution(attrs: ConvAttributes, inputs: readonly Tensor[]): number[] {
  return [...encodeWindow(attrs.window, attrs.groups), ACTIVATIONS.indexOf(attrs.activation), algorithm(inputs)];
}

/** What the gradients of a product of two read: of each that wants one, the other. */
function savedOperands(needs: readonly boolean[]): number[] {
  return needs[0] ? (needs[1] ? [0, 1] : [1]) : needs[1] ? [0] : [];
}

function saveOthers(_: Geometry, needs: readonly boolean[]): Saved {
  return { inputs: savedOperands(needs) };
}

// x [N, H, W, C], w [KH, KW, C / groups, O] -> y [N, OH, OW, O]
const convOp: Op<ConvAttributes> = defineOp({
  name: "conv2d",
  infer: ([x], { outputShape }) => [{ shape: outputShape, dtype: x!.dtype }],
  encode: encodeConvolution,
  contiguous: true,
  save: ({ activation }, needs) => ({
    inputs: savedOperands(needs),
    outputs: activation === "none" ? [] : [0],
  }),
  backward: (context) => {
    const { grads, outputs, needs, attrs } = context;
    const { activation } = attrs;
    // The kernel of the weight gradient reads dz anyway: it sums the bias gradient unless the activation's has done so.
    if (needs[2] && !(needs[1] && activation === "none")) {
      const [dz, dbias] = activationBiasGrad(grads[0]!, outputs[0], activation);
      return [...operandGrads(dz, context, false), dbias];
    }
    return operandGrads(activationGrad(grads[0]!, outputs[0]!, activation), context, needs[2] ?? false);
  },
});

interface MaxPoolAttributes extends ConvAttributes {
  readonly pool: Window;
  readonly pooledShape: Shape;
  /** Whether the places of the maxima are an output too: the gradient goes there. */
  readonly places: boolean;
}

// x, w [, bias] -> the maximum of each window of the convolution [N, PH, PW, O] [, places [N, PH, PW, O]]
const maxPoolOp: Op<MaxPoolAttributes> = defineOp({
  name: "conv2dMaxPool",
  infer: ([x], { pool, pooledShape, places }) => maxPool2dOutputs(x!.dtype, pool, pooledShape, places),
  encode: (attrs, inputs) => [...encodeConvolution(attrs, inputs), ...encodeWindow(attrs.pool, 1)],
  contiguous: true,
  save: ({ activation }, needs) => ({
    inputs: savedOperands(needs),
    outputs: activation === "none" ? [1] : [0, 1],
  }),
  backward: (context) => {
    const { grads, outputs, needs, attrs } = context;
    const { activation, pool, outputShape } = attrs;
    const [y, places] = outputs as [Tensor, Tensor];
    // An element's place takes the gradient through the activation too, so that this comes first.
    const [dz, dbias] = needs[2]
      ? activationBiasGrad(grads[0]!, y, activation)
      : [activationGrad(grads[0]!, y, activation), null];
    if (!needs[0] && !needs[1]) return [null, null, dbias];
    return [...operandGrads(maxPool2dGrad(places, dz, pool, outputShape), context, false).slice(0, 2), dbias];
  },
});

/** dx, dw and with `bias` dbias, those that are wanted, from the gradient before the activation. */
function operandGrads(
  dz: Tensor,
  { inputs: [x, w], needs, inputShapes, attrs: { window, groups } }: BackwardContext<ConvAttributes>,
  bias: boolean,
): (Tensor | null)[] {
  let dw: Tensor | null = null;
  let dbias: Tensor | null = null;
  if (needs[1]) {
    const made = weightGradOp([x!, dz], { window, groups, kernelShape: inputShapes[1]!, bias });
    [dw, dbias] = [made[0]!, made[1] ?? null];
  }
  const dx = needs[0] ? inputGradOp([dz, w!], { window, groups, inputShape: inputShapes[0]! })[0]! : null;
  return bias ? [dx, dw, dbias] : [dx, dw];
}

// dy, w -> dx. Linear in both, so that its gradients are convolutions again.
const inputGradOp: Op<InputGradAttributes> = defineOp<InputGradAttributes>({
  name: "conv2dInputGrad",
  infer: ([dy], { inputShape }) => [{ shape: inputShape, dtype: dy!.dtype }],
  encode: encodeGeometry,
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
  encode: encodeGeometry,
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
 * [height, width, C / groups, filters], giving [N, H', W', filters]. float32 and float64. With `maxPool` the result is
 * that of `maxPool2d(conv2d(...))`, in less time and memory.
 *
 * @throws ShapeError when the ranks, channels or bias do not fit, or a window is larger than its padded image.
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
  const maxPool = options.maxPool === undefined ? undefined : checkPool("maxPool2d", options.maxPool);
  checkChannels("conv2d", x, kernel, groups, dataFormat);
  checkBias("conv2d", bias, kernel.shape[3]!);
  const size = kernel.shape.slice(0, 2) as [number, number];
  return withChannelsLast(x, dataFormat, (images) => {
    const window = makeWindow("conv2d", images.shape.slice(1, 3), { size, strides, dilation, padding });
    return convolve("conv2d", images, kernel, bias, { window, groups, activation }, maxPool);
  }) as Tensor<Promote<A, B>>;
}

/** @internal The convolution of images [N, H, W, C] whose operands have been checked, but for the windows' sizes. */
export function convolve(
  op: string,
  images: Tensor,
  kernel: Tensor,
  bias: Tensor | undefined,
  geometry: Omit<ConvAttributes, "outputShape">,
  maxPool?: PoolWindow,
): Tensor {
  const [count, height, width] = images.shape as [number, number, number, number];
  const outputShape = [count, ...windowPlaces(op, [height, width], geometry.window), kernel.shape[3]!];
  const operands = bias ? [images, kernel, bias] : [images, kernel];
  const attrs = { ...geometry, outputShape };
  if (!maxPool) return inCommonDType(operands, (inputs) => convOp(inputs, attrs)[0]!);
  const { window: pool, outputShape: pooledShape } = placePool("maxPool2d", maxPool, outputShape);
  return inCommonDType(operands, (inputs) => {
    const places = isRecording() && inputs.some((input) => input.requiresGrad);
    const [y, kept] = maxPoolOp(inputs, { ...attrs, pool, pooledShape, places });
    kept?.dispose(); // The tape holds the places.
    return y!;
  });
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType> {
    /** See {@link conv2d}. */
    conv2d<B extends DType>(kernel: Tensor<B>, options?: Conv2dOptions): Tensor<Promote<D, B>>;
  }
}
addMethod("conv2d", conv2d);

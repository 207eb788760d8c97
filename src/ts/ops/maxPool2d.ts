import { NablaError, ShapeError } from "../errors.js";
import type { DType } from "../dtype.js";
import { checkTensor, defineOp, type Op } from "../op.js";
import { formatShape, type Shape } from "../shape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { checkChoice, checkFloating, checkPair } from "./arguments.js";
import { checkOptions } from "../checks.js";
import { DATA_FORMATS } from "./conv2d.js";
import { permute } from "./transpose.js";
import { checkPadding, encodeWindow, makeWindow, windowPlaces, type Padding, type Window } from "./window.js";

export interface MaxPool2dOptions {
  /** [height, width] of the window, or one number for both. 2 by default. */
  poolSize?: number | readonly [number, number];
  /** Pixels from one window to the next; by default the window's size. */
  strides?: number | readonly [number, number];
  /** "valid" (none, the default), "same", or pixels per side; they never win. */
  padding?: Padding;
  dataFormat?: "channelsLast" | "channelsFirst";
}

const OPTIONS = ["poolSize", "strides", "padding", "dataFormat"];

// x [N, H, W, C] -> y [N, OH, OW, C]
const poolOp: Op<{ window: Window; outputShape: Shape }> = defineOp({
  name: "maxPool2d",
  infer: ([x], { outputShape }) => [{ shape: outputShape, dtype: x!.dtype }],
  encode: ({ window }) => encodeWindow(window, 1),
  contiguous: true,
  save: { inputs: [0], outputs: [0] },
  backward: ({ grads, inputs, outputs, attrs }) => gradOp([inputs[0]!, outputs[0]!, grads[0]!], attrs),
});

// x, y, dy -> dx
const gradOp: Op<{ window: Window }> = defineOp({
  name: "maxPool2dGrad",
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  encode: ({ window }) => encodeWindow(window, 1),
  contiguous: true,
  backward: () => {
    throw new NablaError(
      "GRAPH",
      "maxPool2d: the gradient of its gradient is not available: call backward without createGraph",
    );
  },
});

/**
 * The largest element of each window of images [N, H, W, C]; NaN wins. The first of equal elements takes the
 * gradient, as in PyTorch. float32 and float64.
 *
 * @throws ShapeError unless x has 4 dimensions that the window fits into; or a window lies in the padding alone.
 * @throws ArgumentError for an option that is out of range. @throws DTypeError for integer tensors.
 */
export function maxPool2d<D extends DType>(x: Tensor<D>, options: MaxPool2dOptions = {}): Tensor<D> {
  checkTensor("maxPool2d", x);
  checkOptions("maxPool2d", options, OPTIONS);
  const size = checkPair("maxPool2d", "poolSize", options.poolSize ?? 2);
  const strides = checkPair("maxPool2d", "strides", options.strides ?? size);
  const padding = checkPadding("maxPool2d", options.padding ?? "valid");
  const dataFormat = checkChoice("maxPool2d", "dataFormat", options.dataFormat ?? "channelsLast", DATA_FORMATS);
  if (x.rank !== 4) {
    throw new ShapeError(`maxPool2d: x does not have 4 dimensions: its shape is ${formatShape(x.shape)}`);
  }
  checkFloating("maxPool2d", "x", x);
  const channelsFirst = dataFormat === "channelsFirst";
  const images = channelsFirst ? permute(x, [0, 2, 3, 1]) : x;
  const [count, height, width, channels] = images.shape as [number, number, number, number];
  const window = makeWindow([height, width], { size, strides, dilation: [1, 1], padding });
  if (window.pads.some((pads, axis) => pads.some((pad) => pad >= size[axis]!))) {
    throw new ShapeError(
      `maxPool2d: a window lies in the padding alone: the window is ${formatShape(size)}, the padding ${JSON.stringify(window.pads)}`,
    );
  }
  const outputShape = [count, ...windowPlaces("maxPool2d", [height, width], window), channels];
  const result = poolOp([images], { window, outputShape })[0]!;
  if (!channelsFirst) return result as Tensor<D>;
  images.dispose();
  const first = permute(result, [0, 3, 1, 2]);
  result.dispose();
  return first as Tensor<D>;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType> {
    /** See {@link maxPool2d}. */
    maxPool2d(options?: MaxPool2dOptions): Tensor<D>;
  }
}
addMethod("maxPool2d", maxPool2d);

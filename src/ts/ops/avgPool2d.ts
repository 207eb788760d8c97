import type { DType } from "../dtype.js";
import { defineOp, type Op } from "../op.js";
import type { Shape } from "../shape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { pool2d, type Pool2dOptions } from "./pool.js";
import { encodeWindow, type Padding, type Window } from "./window.js";

export interface AvgPool2dOptions extends Pool2dOptions {
  /** "valid" (none, the default), "same", or pixels per side; they do not count. */
  padding?: Padding;
}

interface PoolAttributes {
  readonly window: Window;
  readonly inputShape: Shape;
  readonly outputShape: Shape;
}

// x [N, H, W, C] -> y [N, OH, OW, C]
const poolOp: Op<PoolAttributes> = defineOp({
  name: "avgPool2d",
  infer: ([x], { outputShape }) => [{ shape: outputShape, dtype: x!.dtype }],
  encode: ({ window }) => encodeWindow(window, 1),
  contiguous: true,
  backward: ({ grads, attrs }) => gradOp([grads[0]!], attrs),
});

// dy -> dx: the transposed map, whose gradient is the pooling again.
const gradOp: Op<PoolAttributes> = defineOp({
  name: "avgPool2dGrad",
  infer: ([dy], { inputShape }) => [{ shape: inputShape, dtype: dy!.dtype }],
  encode: ({ window }) => encodeWindow(window, 1),
  contiguous: true,
  backward: ({ grads, attrs }) => poolOp([grads[0]!], attrs),
});

/**
 * The mean of each window of images [N, H, W, C]; of a window that reaches into the padding, that of its pixels in the
 * image, as in Keras (PyTorch's countIncludePad = false). float32 and float64.
 *
 * @throws ShapeError unless x has 4 dimensions that the window fits into; or a window lies in the padding alone.
 * @throws ArgumentError for an option that is out of range. @throws DTypeError for integer tensors.
 */
export function avgPool2d<D extends DType>(x: Tensor<D>, options: AvgPool2dOptions = {}): Tensor<D> {
  return pool2d(
    "avgPool2d",
    x,
    options,
    (images, window, outputShape) => poolOp([images], { window, inputShape: images.shape, outputShape })[0]!,
  ) as Tensor<D>;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link avgPool2d}. */
    avgPool2d(options?: AvgPool2dOptions): Tensor<D>;
  }
}
addMethod("avgPool2d", avgPool2d);

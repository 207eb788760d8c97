import type { DType } from "../dtype.js";
import { defineOp, type Op } from "../op.js";
import type { Shape } from "../shape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { pool2d, type Pool2dOptions } from "./pool.js";
import { encodeWindow, type Padding, type Window } from "./window.js";

export interface MaxPool2dOptions extends Pool2dOptions {
  /** "valid" (none, the default), "same", or pixels per side; they never win. */
  padding?: Padding;
}

interface PoolAttributes {
  readonly window: Window;
  readonly outputShape: Shape;
}

// x [N, H, W, C] -> y [N, OH, OW, C]
const poolOp: Op<PoolAttributes> = defineOp({
  name: "maxPool2d",
  infer: ([x], { outputShape }) => [{ shape: outputShape, dtype: x!.dtype }],
  encode: ({ window }) => encodeWindow(window, 1),
  contiguous: true,
  save: { inputs: [0], outputs: [0] },
  backward: ({ grads, inputs, outputs, attrs }) => gradOp([inputs[0]!, outputs[0]!, grads[0]!], attrs),
});

// x, y, dy -> dx. Linear in dy; the places of the maxima do not move with x.
const gradOp: Op<PoolAttributes> = defineOp({
  name: "maxPool2dGrad",
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  encode: ({ window }) => encodeWindow(window, 1),
  contiguous: true,
  save: (_, needs) => ({ inputs: needs[2] ? [0, 1] : [] }),
  backward: ({ grads, inputs: [x, y], needs, attrs }) => [
    null,
    null,
    needs[2] ? gatherOp([x!, y!, grads[0]!], attrs)[0]! : null,
  ],
});

// x, y, g [N, H, W, C] -> the elements of g at the maxima of x, [N, OH, OW, C]
const gatherOp: Op<PoolAttributes> = defineOp({
  name: "maxPool2dGather",
  infer: ([, , g], { outputShape }) => [{ shape: outputShape, dtype: g!.dtype }],
  encode: ({ window }) => encodeWindow(window, 1),
  contiguous: true,
  save: (_, needs) => ({ inputs: needs[2] ? [0, 1] : [] }),
  backward: ({ grads, inputs: [x, y], needs, attrs }) => [
    null,
    null,
    needs[2] ? gradOp([x!, y!, grads[0]!], attrs)[0]! : null,
  ],
});

/**
 * The largest element of each window of images [N, H, W, C]; NaN wins. The first of equal elements takes the
 * gradient, as in PyTorch. float32 and float64.
 *
 * @throws ShapeError unless x has 4 dimensions that the window fits into; or a window lies in the padding alone.
 * @throws ArgumentError for an option that is out of range. @throws DTypeError for integer tensors.
 */
export function maxPool2d<D extends DType>(x: Tensor<D>, options: MaxPool2dOptions = {}): Tensor<D> {
  return pool2d(
    "maxPool2d",
    x,
    options,
    (images, window, outputShape) => poolOp([images], { window, outputShape })[0]!,
  ) as Tensor<D>;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType> {
    /** See {@link maxPool2d}. */
    maxPool2d(options?: MaxPool2dOptions): Tensor<D>;
  }
}
addMethod("maxPool2d", maxPool2d);

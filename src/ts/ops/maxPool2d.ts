import type { DType } from "../dtype.js";
import { defineOp, type Op, type TensorSpec } from "../op.js";
import type { Shape } from "../shape.js";
import { isRecording } from "../tape.js";
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
  /** Whether the places of the maxima are an output too: the gradient goes there. */
  readonly places: boolean;
}

interface PlaceAttributes {
  readonly window: Window;
  readonly outputShape: Shape;
}

// x [N, H, W, C] -> y [N, OH, OW, C] [, places [N, OH, OW, C]]
const poolOp: Op<PoolAttributes> = defineOp({
  name: "maxPool2d",
  infer: ([x], { window, outputShape, places }) => maxPool2dOutputs(x!.dtype, window, outputShape, places),
  encode: ({ window }) => encodeWindow(window, 1),
  contiguous: true,
  save: { outputs: [1] },
  backward: ({ grads, outputs, inputShapes, attrs: { window } }) => [
    maxPool2dGrad(outputs[1]!, grads[0]!, window, inputShapes[0]!),
  ],
});

/** @internal The outputs of a max pooling: y, and if they are wanted the places of its elements in their windows. */
export function maxPool2dOutputs(dtype: DType, { size }: Window, shape: Shape, places: boolean): TensorSpec[] {
  const y: TensorSpec = { shape, dtype };
  return places ? [y, { shape, dtype: size[0] * size[1] <= 256 ? "uint8" : "int32" }] : [y];
}

// places, dy -> dx
const gradOp: Op<PlaceAttributes> = defineOp({
  name: "maxPool2dGrad",
  infer: ([, dy], { outputShape }) => [{ shape: outputShape, dtype: dy!.dtype }],
  encode: ({ window }) => encodeWindow(window, 1),
  contiguous: true,
  save: { inputs: [0] },
  backward: ({ grads, inputs, inputShapes, attrs: { window } }) => [
    null,
    gatherOp([inputs[0]!, grads[0]!], { window, outputShape: inputShapes[1]! })[0]!,
  ],
});

/** @internal The gradient of a max pooling of images of this shape, whose places and gradient are given. */
export function maxPool2dGrad(places: Tensor, dy: Tensor, window: Window, imageShape: Shape): Tensor {
  return gradOp([places, dy], { window, outputShape: imageShape })[0]!;
}

// places, g [N, H, W, C] -> the elements of g at the places, [N, OH, OW, C]
const gatherOp: Op<PlaceAttributes> = defineOp({
  name: "maxPool2dGather",
  infer: ([, g], { outputShape }) => [{ shape: outputShape, dtype: g!.dtype }],
  encode: ({ window }) => encodeWindow(window, 1),
  contiguous: true,
  save: { inputs: [0] },
  backward: ({ grads, inputs, inputShapes, attrs: { window } }) => [
    null,
    maxPool2dGrad(inputs[0]!, grads[0]!, window, inputShapes[1]!),
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
  return pool2d("maxPool2d", x, options, (images, window, outputShape) => {
    const [y, places] = poolOp([images], { window, outputShape, places: isRecording() && images.requiresGrad });
    places?.dispose(); // The tape holds them.
    return y!;
  }) as Tensor<D>;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType> {
    /** See {@link maxPool2d}. */
    maxPool2d(options?: MaxPool2dOptions): Tensor<D>;
  }
}
addMethod("maxPool2d", maxPool2d);

import { ShapeError } from "./errors.js";
import { cast } from "./ops/cast.js";
import { reshape } from "./ops/reshape.js";
import { formatShape, sameShape } from "./shape.js";
import type { Tensor } from "./tensor.js";

/**
 * Weights in a shape that broadcasts with the values of a loss, whose leading axes they have; a last axis of 1 more is
 * dropped.
 *
 * @throws ShapeError
 */
export function alignWeights(op: string, weights: Tensor, values: Tensor): Tensor {
  const { shape } = weights;
  const own = shape.length === values.rank + 1 && shape.at(-1) === 1 ? shape.slice(0, -1) : shape;
  if (own.length > values.rank || !sameShape(own, values.shape.slice(0, own.length))) {
    throw new ShapeError(
      `${op}: the sample weights do not fit: their shape is ${formatShape(shape)}, the values have ${formatShape(values.shape)}`,
    );
  }
  const behind = values.shape.slice(own.length).map(() => 1);
  return cast(reshape(weights, [...own, ...behind]), values.dtype);
}

import { DTypeError, ShapeError } from "../errors.js";
import { defineUpdate } from "../op.js";
import { formatShape, sameShape } from "../shape.js";
import type { Tensor } from "../tensor.js";

const update = defineUpdate<undefined>({
  name: "assign",
  check: ([target, source]) => {
    if (!sameShape(target!.shape, source!.shape)) {
      throw new ShapeError(
        `assign: the shapes differ: the target is ${formatShape(target!.shape)}, the source is ${formatShape(source!.shape)}`,
      );
    }
    if (target!.dtype !== source!.dtype) {
      throw new DTypeError(`assign: the dtypes differ: the target is ${target!.dtype}, the source is ${source!.dtype}`);
    }
  },
});

/**
 * Writes the elements of `source` into `target`, which may be a view of another tensor. Not part of any graph.
 *
 * @throws ShapeError, DTypeError unless both have the same shape and dtype.
 */
export function assign(target: Tensor, source: Tensor): void {
  update([target, source], [target], undefined);
}

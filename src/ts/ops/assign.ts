import { ArgumentError, DTypeError, ShapeError } from "../errors.js";
import { defineUpdate } from "../op.js";
import { formatShape, sameShape } from "../shape.js";
import { addMethod, type Tensor } from "../tensor.js";

const update = defineUpdate<undefined>({
  name: "assign",
  halves: true,
  check: ([target, source]) => {
    if (!sameShape(target!.shape, source!.shape)) {
      throw new ShapeError(
        `assign: the shapes differ: the target is ${formatShape(target!.shape)}, the source is ${formatShape(source!.shape)}`,
      );
    }
    if (target!.dtype !== source!.dtype) {
      throw new DTypeError(`assign: the dtypes differ: the target is ${target!.dtype}, the source is ${source!.dtype}`);
    }
    if (target!.size > 0 && target!.strides?.some((stride, axis) => stride === 0 && target!.shape[axis]! > 1)) {
      throw new ArgumentError(
        `assign: elements of the target share memory: it is a broadcast view of shape ${formatShape(target!.shape)}, expected a tensor or a view of distinct elements`,
      );
    }
  },
});

/**
 * Writes the elements of `source` into `target`, in place; all views of the same memory see it, and `target` may be
 * one. Not part of any graph: `backward` through an op that saved the old elements is an error.
 *
 * @throws ShapeError, DTypeError unless both have the same shape and dtype. @throws ArgumentError when the target is a
 * broadcast view, whose elements share memory.
 */
export function assign(target: Tensor, source: Tensor): void {
  update([target, source], [target], undefined);
}

declare module "../tensor.js" {
  interface Tensor {
    /** Writes `source` into this tensor, see {@link assign}. */
    assign(source: Tensor): void;
  }
}
addMethod("assign", assign);

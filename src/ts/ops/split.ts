import { ArgumentError, ShapeError, describe } from "../errors.js";
import type { DType } from "../dtype.js";
import { checkTensor } from "../op.js";
import { contiguousStrides, formatShape, normalizeAxis } from "../shape.js";
import { isRecording, record, type Backward } from "../tape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { expandTo } from "./broadcast.js";
import { join } from "./concat.js";
import { constantOf } from "./scalar.js";

interface SplitAttributes {
  readonly axis: number;
  readonly sizes: readonly number[];
}

/** Parts that nothing depended on have a gradient of zeros. */
const splitGrad: Backward<SplitAttributes> = ({ grads, attrs: { axis, sizes }, inputShapes, inputDTypes }) => {
  const zero = constantOf(
    0,
    grads.find((grad) => grad !== null)!,
    inputDTypes[0]!,
  );
  return [
    join(
      grads.map((grad, i) => grad ?? expandTo(zero, inputShapes[0]!.with(axis, sizes[i]!))),
      axis,
    ),
  ];
};

/** @internal Views of consecutive parts, one node of the graph for all. The sizes must add up to the axis. */
export function cut(x: Tensor, sizes: readonly number[], axis: number): Tensor[] {
  const strides = x.strides ?? contiguousStrides(x.shape);
  let { offset } = x;
  const parts = sizes.map((size) => {
    const part = x.alias(x.shape.with(axis, size), strides, offset);
    offset += size * strides[axis]!;
    return part;
  });
  if (parts.length > 0 && isRecording() && x.requiresGrad) {
    record("split", { axis, sizes }, [x], parts, splitGrad, undefined);
  }
  return parts;
}

/**
 * Cuts an axis into `count` parts of the same size, or into parts of the given sizes. The parts are views: nothing is
 * copied.
 *
 * @throws ShapeError when the axis cannot be cut so. @throws ArgumentError for an axis that does not exist, or a count
 * or size that is no integer in its range.
 */
export function split<D extends DType, R extends number>(
  x: Tensor<D, R>,
  countOrSizes: number | readonly number[],
  axis = 0,
): Tensor<D, R>[] {
  checkTensor("split", x);
  const place = normalizeAxis("split", axis, x.rank);
  return cut(x, sizesOf(x, countOrSizes, place), place) as unknown as Tensor<D, R>[];
}

/** Any number divides 0: without a bound an array of all those parts could take all of JavaScript's memory. */
const MOST_EMPTY_PARTS = 2 ** 16;

function sizesOf({ shape }: Tensor, parts: unknown, axis: number): readonly number[] {
  const size = shape[axis]!;
  if (Array.isArray(parts) ? parts.every((part) => isInteger(part, 0)) : isInteger(parts, 1)) {
    if (size === 0 && (parts as number) > MOST_EMPTY_PARTS) {
      throw new ShapeError(
        `split: axis ${axis} cannot be cut so: the shape is ${formatShape(shape)}, ${describe(parts)} equal parts, expected at most ${MOST_EMPTY_PARTS} of an axis of size 0`,
      );
    }
    const sizes = Array.isArray(parts) ? [...(parts as number[])] : equalSizes(size, parts as number);
    if (sizes.reduce((sum, part) => sum + part, 0) === size) return sizes;
    const [given, expected] = Array.isArray(parts)
      ? [`sizes of ${describe(parts)}`, `a sum of ${size}`]
      : [`${describe(parts)} equal parts`, `a divisor of ${size}`];
    throw new ShapeError(
      `split: axis ${axis} cannot be cut so: the shape is ${formatShape(shape)}, ${given}, expected ${expected}`,
    );
  }
  throw new ArgumentError(
    `split: not a number or list of parts: ${describe(parts)}, expected a positive integer or a list of sizes of 0 or more`,
  );
}

function equalSizes(size: number, count: number): number[] {
  return size % count === 0 ? new Array<number>(count).fill(size / count) : [];
}

function isInteger(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link split}. */
    split(countOrSizes: number | readonly number[], axis?: number): Tensor<D, R>[];
  }
}
addMethod("split", split);

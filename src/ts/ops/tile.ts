import { ArgumentError, ShapeError, describe } from "../errors.js";
import type { DType } from "../dtype.js";
import { tidy } from "../memory.js";
import { checkTensor, copy } from "../op.js";
import { checkShape, formatShape, normalizeAxis, sizeOf } from "../shape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { expandTo } from "./broadcast.js";
import { gather } from "./gather.js";
import { reshape } from "./reshape.js";
import { tensor } from "./creation.js";

/** Axes that one copy repeats: each takes two axes of a broadcast tensor, of which there are at most 8. */
const MOST_REPEATED = 3;

function checkCounts(op: string, name: string, given: unknown): number[] {
  const counts: unknown[] = Array.isArray(given) ? given : [given];
  if (!counts.every((count) => Number.isSafeInteger(count) && (count as number) >= 0)) {
    throw new ArgumentError(
      `${op}: ${name} is out of range: ${describe(given)}, expected an integer of 0 or more, or a list of them`,
    );
  }
  return [...counts] as number[];
}

/** Copies `x`, seen as `shape`, after broadcasting it to `repeated`, which has the same number of axes. */
function spread(x: Tensor, shape: readonly number[], repeated: readonly number[]): Tensor {
  return copy([expandTo(reshape(x, shape), repeated)], undefined)[0]!;
}

/**
 * The tensor repeated `reps` times along each axis, as NumPy's `tile`: `tile([1, 2], 2)` is [1, 2, 1, 2]. Where one of
 * shape and `reps` is shorter, it is filled up with ones in front. The result is a copy.
 *
 * @throws ArgumentError for a count that is negative or no integer. @throws ShapeError for a result of too many
 * dimensions or elements.
 */
export function tile<D extends DType>(x: Tensor<D>, reps: number | readonly number[]): Tensor<D> {
  checkTensor("tile", x);
  const counts = checkCounts("tile", "reps", reps);
  while (counts.length < x.rank) counts.unshift(1);
  const shape = [...new Array<number>(counts.length - x.rank).fill(1), ...x.shape];
  checkShape(
    "tile",
    shape.map((size, i) => size * counts[i]!),
  );
  return tidy(() => tileAxes(x, shape, counts)) as Tensor<D>;
}

function tileAxes(x: Tensor, shape: readonly number[], counts: readonly number[]): Tensor {
  const repeated = counts.flatMap((count, axis) => (count === 1 ? [] : [axis]));
  if (repeated.length > MOST_REPEATED) {
    // The last axes first: they make the longest runs of what is copied next.
    const first = repeated.at(-MOST_REPEATED)!;
    const inner = tileAxes(
      x,
      shape,
      counts.map((count, axis) => (axis < first ? 1 : count)),
    );
    return tileAxes(
      inner,
      inner.shape,
      counts.map((count, axis) => (axis < first ? count : 1)),
    );
  }
  // Before each repeated axis a new one is broadcast; the axes between them are merged.
  const before: number[] = [];
  const after: number[] = [];
  const ends = [...repeated, shape.length];
  const push = (from: number, to: number): void => {
    const size = sizeOf(shape.slice(from, to));
    before.push(size);
    after.push(size);
  };
  push(0, ends[0]!);
  repeated.forEach((axis, i) => {
    before.push(1);
    after.push(counts[axis]!);
    push(axis, ends[i + 1]!);
  });
  return reshape(
    spread(x, before, after),
    shape.map((size, axis) => size * counts[axis]!),
  );
}

/**
 * Every element, or every slice along `axis`, repeated as NumPy's `repeat`: `repeat([1, 2], 2)` is [1, 1, 2, 2].
 * `count` is one number for all, or a list of one for each place along the axis. Without an axis the tensor is
 * flattened first. The result is a copy.
 *
 * @throws ArgumentError for a count that is negative or no integer, or an axis that does not exist. @throws ShapeError
 * when a list of counts has not one for each place.
 */
export function repeat<D extends DType>(x: Tensor<D>, count: number | readonly number[], axis?: number): Tensor<D> {
  checkTensor("repeat", x);
  const counts = checkCounts("repeat", "count", count);
  const shape = axis === undefined ? [x.size] : x.shape;
  const place = axis === undefined ? 0 : normalizeAxis("repeat", axis, x.rank);
  const size = shape[place]!;
  if (Array.isArray(count) && counts.length !== size) {
    throw new ShapeError(
      `repeat: the counts do not fit: there are ${counts.length}, the shape is ${formatShape(shape)}, expected ${size} for axis ${place}`,
    );
  }
  const total = Array.isArray(count) ? counts.reduce((sum, own) => sum + own, 0) : size * counts[0]!;
  const result = checkShape("repeat", shape.with(place, total));
  return tidy(() => {
    if (Array.isArray(count)) {
      const places = new Int32Array(total);
      let at = 0;
      counts.forEach((own, i) => places.fill(i, at, (at += own)));
      return gather(reshape(x, shape), tensor(places, { device: x.device }), place);
    }
    const outer = sizeOf(shape.slice(0, place + 1));
    const inner = sizeOf(shape.slice(place + 1));
    return reshape(spread(x, [outer, 1, inner], [outer, counts[0]!, inner]), result);
  }) as Tensor<D>;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link tile}. */
    tile(reps: number | readonly number[]): Tensor<D>;
    /** See {@link repeat}. */
    repeat(count: number | readonly number[], axis?: number): Tensor<D>;
  }
}
addMethod("tile", tile);
addMethod("repeat", repeat);

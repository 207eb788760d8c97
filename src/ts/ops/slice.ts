import { ArgumentError, IndexError, describe } from "../errors.js";
import type { DType } from "../dtype.js";
import { checkTensor, defineView, type View } from "../op.js";
import { checkShape, contiguousStrides, formatShape, type Shape } from "../shape.js";
import { isRecording, record } from "../tape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { assign } from "./assign.js";
import { zeros } from "./creation.js";
import { reshape } from "./reshape.js";

/** [start, stop, step] as in NumPy: negative places count from the end, null or nothing leaves an end open. */
export type SliceRange = readonly [start?: number | null, stop?: number | null, step?: number | null] | null;

/** The elements start, start + step, … of an axis, `size` of them. */
interface Range {
  readonly start: number;
  readonly step: number;
  readonly size: number;
}

interface SliceAttributes {
  readonly ranges: readonly Range[];
}

const view: View<SliceAttributes> = defineView({
  name: "slice",
  view: (x, { ranges }) => {
    const strides = x.strides ?? contiguousStrides(x.shape);
    let offset = x.offset;
    ranges.forEach(({ start, size }, axis) => {
      if (size > 0) offset += start * strides[axis]!;
    });
    return {
      shape: ranges.map(({ size }) => size),
      strides: ranges.map(({ step }, axis) => step * strides[axis]!),
      offset,
    };
  },
  backward: ({ grads, attrs, inputShapes }) => [viewGrad(view, attrs, grads[0]!, inputShapes[0]!)],
});

/** @internal The gradient of a view that shows part of its input: zeros of the input's shape with `g` in that part. */
export function viewGrad<A>(part: View<A>, attrs: A, g: Tensor, shape: Shape): Tensor {
  const result = zeros(shape, { dtype: g.dtype, device: g.device });
  const place = part(result, attrs);
  assign(place, g);
  place.dispose();
  if (isRecording() && g.requiresGrad) {
    record(part.definition.name, attrs, [g], [result], ({ grads }) => [part(grads[0]!, attrs)], undefined);
  }
  return result;
}

/**
 * A view of every axis' elements from `start` up to but without `stop`, every `step`-th of them (NumPy's slices):
 * `x.slice([[0, 10], null, [null, null, -1]])`. Axes without an entry are kept whole.
 *
 * @throws ArgumentError for more entries than axes, a step of 0, or what is not an integer.
 */
export function slice<D extends DType, R extends number>(x: Tensor<D, R>, ranges: readonly SliceRange[]): Tensor<D, R> {
  checkTensor("slice", x);
  if (!Array.isArray(ranges) || ranges.length > x.rank) {
    throw new ArgumentError(
      `slice: the ranges do not fit: ${describe(ranges)}, expected at most one [start, stop, step] for each axis of ${formatShape(x.shape)}`,
    );
  }
  return view(x, { ranges: x.shape.map((size, axis) => resolveRange(ranges[axis] ?? null, size)) }) as Tensor<D, R>;
}

function resolveRange(range: SliceRange, length: number, op = "slice"): Range {
  if (range === null) return { start: 0, step: 1, size: length };
  const places = Array.isArray(range) ? range.map((place) => place ?? null) : [NaN];
  if (places.length > 3 || !places.every((place) => place === null || Number.isSafeInteger(place))) {
    throw new ArgumentError(`${op}: not a range: ${describe(range)}, expected [start, stop, step] of integers or null`);
  }
  const [start = null, stop = null, step] = places as (number | null)[];
  const stride = step ?? 1;
  if (stride === 0)
    throw new ArgumentError(`${op}: the step is 0: ${describe(range)}, expected a positive or negative step`);
  // Where an end may lie: the places of the axis, and one more in the step's direction.
  const [low, high] = stride > 0 ? [0, length] : [-1, length - 1];
  const clamp = (place: number): number => Math.min(high, Math.max(low, place < 0 ? place + length : place));
  const from = start === null ? (stride > 0 ? low : high) : clamp(start);
  const to = stop === null ? (stride > 0 ? high : low) : clamp(stop);
  return { start: from, step: stride, size: Math.max(0, Math.ceil((to - from) / stride)) };
}

/**
 * What {@link index} takes for an axis: a number picks one place and drops the axis, a range keeps it, null keeps it
 * whole. "..." stands for all axes that no other item takes, "newAxis" for a new axis of size 1.
 */
export type IndexItem = number | SliceRange | "..." | "newAxis";

/**
 * A view of part of a tensor, by one item an axis as in NumPy's basic indexing: `x[-1, :, 2:8:2]` is
 * `x.index(-1, null, [2, 8, 2])`, `x[..., 0]` is `x.index("...", 0)`, and `x[:, None]` is `x.index(null, "newAxis")`.
 * Axes without an item are kept whole. Nothing is copied.
 *
 * @throws IndexError for a number outside its axis. @throws ArgumentError for more items than axes, a second "...", or
 * what is no item. @throws ShapeError for more than 8 dimensions.
 */
export function index<D extends DType>(x: Tensor<D>, ...items: IndexItem[]): Tensor<D> {
  checkTensor("index", x);
  const { shape } = x;
  const taking = items.filter((item) => item !== "..." && item !== "newAxis").length;
  if (taking > shape.length || items.filter((item) => item === "...").length > 1) {
    throw new ArgumentError(
      `index: the items do not fit: ${describe(items)}, expected at most one an axis of ${formatShape(shape)} and one "..."`,
    );
  }
  const ranges: Range[] = [];
  const result: number[] = [];
  const keep = (range: SliceRange): void => {
    const resolved = resolveRange(range, shape[ranges.length]!, "index");
    ranges.push(resolved);
    result.push(resolved.size);
  };
  for (const item of items) {
    if (item === "newAxis") result.push(1);
    else if (item === "...") for (let left = shape.length - taking; left > 0; left--) keep(null);
    else if (typeof item === "number") ranges.push(placeOf(item, ranges.length, shape));
    else keep(item);
  }
  while (ranges.length < shape.length) keep(null);
  checkShape("index", result);
  const part = view(x, { ranges });
  const shown = reshape(part, result);
  part.dispose();
  return shown as Tensor<D>;
}

function placeOf(item: number, axis: number, shape: Shape): Range {
  const size = shape[axis]!;
  if (!Number.isSafeInteger(item)) {
    throw new ArgumentError(`index: not an index: ${item}, expected an integer, a range, null, "..." or "newAxis"`);
  }
  if (item >= -size && item < size) return { start: item < 0 ? item + size : item, step: 1, size: 1 };
  throw new IndexError(
    `index: ${item} is outside axis ${axis}: the shape is ${formatShape(shape)}, expected ${size === 0 ? "no index" : `${-size} to ${size - 1}`}`,
  );
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link slice}. */
    slice(ranges: readonly SliceRange[]): Tensor<D, R>;
    /** See {@link index}. */
    index(...items: IndexItem[]): Tensor<D>;
  }
}
addMethod("slice", slice);
addMethod("index", index);

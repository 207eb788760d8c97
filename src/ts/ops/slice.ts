import { ArgumentError, describe } from "../errors.js";
import type { DType } from "../dtype.js";
import { checkTensor, defineView, type View } from "../op.js";
import { contiguousStrides, formatShape, type Shape } from "../shape.js";
import { isRecording, record, type Backward } from "../tape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { assign } from "./assign.js";
import { zeros } from "./creation.js";

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
  backward: ({ grads, attrs, inputShapes }) => [sliceGrad(grads[0]!, inputShapes[0]!, attrs)],
});

/** Zeros of the given shape with `g` in the place that was sliced. */
function sliceGrad(g: Tensor, shape: Shape, attrs: SliceAttributes): Tensor {
  const result = zeros(shape, { dtype: g.dtype });
  const place = view(result, attrs);
  assign(place, g);
  place.dispose();
  if (isRecording() && g.requiresGrad) record("slice", attrs, [g], [result], sliceGradBackward, undefined);
  return result;
}

const sliceGradBackward: Backward<SliceAttributes> = ({ grads, attrs }) => [view(grads[0]!, attrs)];

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

function resolveRange(range: SliceRange, length: number): Range {
  if (range === null) return { start: 0, step: 1, size: length };
  const places = Array.isArray(range) ? range.map((place) => place ?? null) : [NaN];
  if (places.length > 3 || !places.every((place) => place === null || Number.isSafeInteger(place))) {
    throw new ArgumentError(`slice: not a range: ${describe(range)}, expected [start, stop, step] of integers or null`);
  }
  const [start = null, stop = null, step] = places as (number | null)[];
  const stride = step ?? 1;
  if (stride === 0)
    throw new ArgumentError(`slice: the step is 0: ${describe(range)}, expected a positive or negative step`);
  // Where an end may lie: the places of the axis, and one more in the step's direction.
  const [low, high] = stride > 0 ? [0, length] : [-1, length - 1];
  const clamp = (place: number): number => Math.min(high, Math.max(low, place < 0 ? place + length : place));
  const from = start === null ? (stride > 0 ? low : high) : clamp(start);
  const to = stop === null ? (stride > 0 ? high : low) : clamp(stop);
  return { start: from, step: stride, size: Math.max(0, Math.ceil((to - from) / stride)) };
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link slice}. */
    slice(ranges: readonly SliceRange[]): Tensor<D, R>;
  }
}
addMethod("slice", slice);

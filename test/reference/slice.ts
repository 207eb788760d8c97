import type { SliceRange } from "nabla";
import { get, nd, type Nd } from "./nd.js";

/** Walks as the rule says: from start by step, as long as a place is inside the axis and before stop. */
function places(range: SliceRange, length: number): number[] {
  const [start = null, stop = null, step] = range ?? [];
  const stride = step ?? 1;
  const fromEnd = (at: number): number => (at < 0 ? at + length : at);
  let at = start === null ? (stride > 0 ? 0 : length - 1) : fromEnd(start);
  const end = stop === null ? stride * Infinity : fromEnd(stop);
  // A start beyond the axis counts from its first or last place.
  if (stride > 0 && at < 0) at = 0;
  if (stride < 0 && at >= length) at = length - 1;
  const list: number[] = [];
  for (; at >= 0 && at < length && (stride > 0 ? at < end : at > end); at += stride) list.push(at);
  return list;
}

export function slice([x]: readonly Nd[], ranges: readonly SliceRange[]): Nd {
  const lists = x!.shape.map((size, axis) => places(ranges[axis] ?? null, size));
  return nd(
    lists.map((list) => list.length),
    (index) =>
      get(
        x!,
        index.map((at, axis) => lists[axis]![at]!),
      ),
  );
}

import type { IndexItem, SliceRange } from "nabla";
import { get, nd, type Nd } from "./nd.js";

/** Walks as the rule says: from start by step, as long as a place is inside the axis and before stop. */
function placesOf(range: SliceRange, length: number): number[] {
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
  const lists = x!.shape.map((size, axis) => placesOf(ranges[axis] ?? null, size));
  return nd(
    lists.map((list) => list.length),
    (places) =>
      get(
        x!,
        places.map((at, axis) => lists[axis]![at]!),
      ),
  );
}

export function index([x]: readonly Nd[], items: readonly IndexItem[]): Nd {
  const rest = x!.shape.length - items.filter((item) => item !== "..." && item !== "newAxis").length;
  const full = items.includes("...") ? items : [...items, "..." as const];
  const spread = full.flatMap((item) => (item === "..." ? new Array<null>(rest).fill(null) : [item]));
  // For each axis of x the places that are kept, and which axis of the result walks over them, if any.
  const lists: number[][] = [];
  const walkedBy: (number | null)[] = [];
  const shape: number[] = [];
  for (const item of spread) {
    if (item === "newAxis") {
      shape.push(1);
      continue;
    }
    const size = x!.shape[lists.length]!;
    const list = typeof item === "number" ? [item < 0 ? item + size : item] : placesOf(item, size);
    walkedBy.push(typeof item === "number" ? null : shape.length);
    if (typeof item !== "number") shape.push(list.length);
    lists.push(list);
  }
  return nd(shape, (at) =>
    get(
      x!,
      lists.map((list, axis) => list[walkedBy[axis] === null ? 0 : at[walkedBy[axis]!]!]!),
    ),
  );
}

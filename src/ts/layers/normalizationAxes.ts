import { wrong } from "../checks.js";
import { permute } from "../ops/transpose.js";
import { normalizeAxes } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { knownSize, type BatchShape } from "./batchShape.js";
import type { InputSpec } from "./layer.js";

/** The axes along which a layer normalizes. */
export type Axes = number | readonly number[];

/** @throws ArgumentError unless it is an integer or a list of at least one. */
export function checkAxes(op: string, axis: unknown): Axes {
  const list = Array.isArray(axis) ? (axis as unknown[]) : [axis];
  if (list.length > 0 && list.every(Number.isSafeInteger)) return axis as Axes;
  throw wrong(op, "axis", axis, "an integer or a list of integers");
}

/** Inputs that have the axes, with the sizes that they have in `shape`, if it is given. */
export function specOf(axes: Axes, shape?: BatchShape): InputSpec {
  const list = [axes].flat() as number[];
  const minRank = Math.max(...list.map((axis) => (axis < 0 ? -axis : axis + 1)));
  return shape ? { minRank, axes: Object.fromEntries(list.map((axis) => [axis, shape.at(axis)!])) } : { minRank };
}

/** The sizes along the axes, in the order of the input. */
export function sizesAlong(op: string, axes: Axes, shape: BatchShape): number[] {
  return normalizeAxes(op, axes, shape.length).map((axis) => knownSize(op, shape, axis));
}

/** Runs a function that normalizes the last axes on any: they are moved to the end and back. */
export function alongAxes(op: string, x: Tensor, axes: Axes, normalize: (x: Tensor, last: number[]) => Tensor): Tensor {
  const chosen = normalizeAxes(op, axes, x.rank);
  const last = chosen.map((_, i) => x.rank - chosen.length + i);
  if (chosen.every((axis, i) => axis === last[i])) return normalize(x, last);
  const order = [...x.shape.keys()].filter((axis) => !chosen.includes(axis)).concat(chosen);
  return permute(
    normalize(permute(x, order), last),
    order.map((_, axis) => order.indexOf(axis)),
  );
}

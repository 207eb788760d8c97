import type { Case } from "../support/check-op.js";

export interface SplitAttributes {
  readonly parts: number | readonly number[];
  readonly axis: number;
  /** The part that is looked at. */
  readonly part: number;
}

const table: [readonly number[], SplitAttributes][] = [
  [[6], { parts: 3, axis: 0, part: 1 }],
  [[5], { parts: 1, axis: 0, part: 0 }],
  [[6, 4], { parts: 2, axis: 1, part: 1 }],
  [[6, 4], { parts: [1, 3, 2], axis: 0, part: 2 }],
  [[2, 7, 3], { parts: [5, 2], axis: -2, part: 0 }],
  [[2, 7, 3], { parts: [0, 7], axis: 1, part: 0 }],
  [[3, 2], { parts: [2, 0], axis: 1, part: 1 }],
  [[0, 2], { parts: 3, axis: 0, part: 2 }],
];

export const cases: Case<SplitAttributes>[] = table.map(([shape, attrs]) => ({
  name: `[${shape.join()}] ${JSON.stringify(attrs)}`,
  inputs: [{ shape }],
  attrs,
}));

import type { Case } from "../support/check-op.js";

export interface TakeAttributes {
  /** Of the indices. */
  readonly shape: readonly number[];
  readonly axis: number;
}

const table: [readonly number[], TakeAttributes][] = [
  [[5], { shape: [3], axis: 0 }],
  [[1], { shape: [7], axis: -1 }],
  [[4, 3], { shape: [4, 2], axis: 1 }],
  [[4, 3], { shape: [7, 3], axis: 0 }],
  [[3, 5, 2], { shape: [3, 1, 2], axis: 1 }],
  [[3, 5, 2], { shape: [3, 6, 2], axis: -2 }],
  [[2, 3, 17], { shape: [2, 4, 17], axis: 1 }],
  [[2, 31], { shape: [2, 33], axis: 1 }],
  [[4, 3], { shape: [1, 2], axis: 1 }],
  [[1, 3], { shape: [4, 2], axis: 1 }],
  [[2, 1, 4], { shape: [1, 3, 2], axis: 2 }],
  [[3, 2], { shape: [3, 0], axis: 1 }],
  [[0, 2], { shape: [0, 3], axis: 1 }],
  [[2, 0], { shape: [3, 0], axis: 0 }],
];

export const cases: Case<TakeAttributes>[] = table.map(([shape, attrs]) => ({
  name: `[${shape.join()}] by [${attrs.shape.join()}], axis ${attrs.axis}`,
  inputs: [{ shape }],
  attrs,
}));

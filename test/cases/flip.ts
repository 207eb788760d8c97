import type { Case } from "../support/check-op.js";

export interface FlipAttributes {
  readonly op: "flip" | "roll";
  readonly shift?: number | readonly number[];
  readonly axis?: number | readonly number[];
}

const table: [readonly number[], FlipAttributes][] = [
  [[5], { op: "flip" }],
  [[], { op: "flip" }],
  [[0, 3], { op: "flip" }],
  [[2, 3], { op: "flip" }],
  [[2, 3], { op: "flip", axis: 0 }],
  [[2, 3], { op: "flip", axis: -1 }],
  [[2, 3], { op: "flip", axis: [] }],
  [[2, 3, 5], { op: "flip", axis: [0, 2] }],
  [[2, 1, 17], { op: "flip", axis: [1, -1] }],
  [[5], { op: "roll", shift: 2 }],
  [[5], { op: "roll", shift: -7 }],
  [[5], { op: "roll", shift: 0 }],
  [[], { op: "roll", shift: 1 }],
  [[0, 3], { op: "roll", shift: 1 }],
  [[0, 3], { op: "roll", shift: 1, axis: 0 }],
  [[2, 3], { op: "roll", shift: 1 }],
  [[2, 3], { op: "roll", shift: 1, axis: 0 }],
  [[2, 3], { op: "roll", shift: -1, axis: -1 }],
  [[2, 3], { op: "roll", shift: 4, axis: [0, 1] }],
  [[2, 3], { op: "roll", shift: [], axis: [] }],
  [[3, 5, 7], { op: "roll", shift: [2, -3], axis: [2, 0] }],
  [[3, 4], { op: "roll", shift: [1, 1], axis: [1, 1] }],
];

export const cases: Case<FlipAttributes>[] = table.map(([shape, attrs]) => ({
  name: `[${shape.join()}] ${JSON.stringify(attrs)}`,
  inputs: [{ shape }],
  attrs,
}));

import type { Case } from "../support/check-op.js";

export interface ReshapeAttributes {
  readonly op: "reshape" | "flatten" | "expandDims" | "squeeze";
  readonly shape?: readonly number[];
  readonly axis?: number | readonly number[];
}

const table: [readonly number[], ReshapeAttributes][] = [
  [[6], { op: "reshape", shape: [2, 3] }],
  [[2, 3, 4], { op: "reshape", shape: [6, 4] }],
  [[2, 3, 4], { op: "reshape", shape: [2, 12] }],
  [[2, 3, 4], { op: "reshape", shape: [4, 3, 2] }],
  [[2, 3, 4], { op: "reshape", shape: [-1, 2] }],
  [[4, 1, 6], { op: "reshape", shape: [2, 2, 1, 3, 2] }],
  [[2, 6], { op: "reshape", shape: [2, 2, 3] }],
  [[3, 5], { op: "reshape", shape: [3, 5] }],
  [[1], { op: "reshape", shape: [] }],
  [[], { op: "reshape", shape: [1, 1] }],
  [[0, 3], { op: "reshape", shape: [3, 0, 2] }],
  [[2, 3], { op: "flatten" }],
  [[], { op: "flatten" }],
  [[2, 3], { op: "expandDims", axis: 0 }],
  [[2, 3], { op: "expandDims", axis: 1 }],
  [[2, 3], { op: "expandDims", axis: -1 }],
  [[], { op: "expandDims", axis: 0 }],
  [[1, 3, 1], { op: "squeeze" }],
  [[1, 3, 1], { op: "squeeze", axis: 0 }],
  [[1, 3, 1], { op: "squeeze", axis: [-1, 0] }],
];

export const cases: Case<ReshapeAttributes>[] = table.map(([shape, attrs]) => ({
  name: `[${shape.join()}] ${JSON.stringify(attrs)}`,
  inputs: [{ shape }],
  attrs,
}));

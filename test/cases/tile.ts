import type { Case } from "../support/check-op.js";

export interface TileAttributes {
  readonly op: "tile" | "repeat";
  readonly count: number | readonly number[];
  readonly axis?: number;
}

const table: [readonly number[], TileAttributes][] = [
  [[3], { op: "tile", count: 2 }],
  [[1], { op: "tile", count: 5 }],
  [[], { op: "tile", count: 3 }],
  [[], { op: "tile", count: [2, 3] }],
  [[2, 3], { op: "tile", count: 2 }],
  [[2, 3], { op: "tile", count: [3, 1] }],
  [[2, 3], { op: "tile", count: [1, 1] }],
  [[2, 3], { op: "tile", count: [2, 3] }],
  [[2, 3], { op: "tile", count: [2, 1, 3] }],
  [[2, 3], { op: "tile", count: [0, 2] }],
  [[0, 3], { op: "tile", count: [2, 2] }],
  [[2, 1, 3], { op: "tile", count: [1, 4, 2] }],
  [[2, 3, 1, 2], { op: "tile", count: [2, 3, 2, 2] }],
  [[1, 2, 1, 2, 1, 2, 1, 2], { op: "tile", count: [2, 1, 3, 2, 1, 1, 2, 2] }],
  [[3], { op: "repeat", count: 2 }],
  [[], { op: "repeat", count: 3 }],
  [[2, 3], { op: "repeat", count: 2 }],
  [[2, 3], { op: "repeat", count: 2, axis: 0 }],
  [[2, 3], { op: "repeat", count: 3, axis: -1 }],
  [[2, 3, 2], { op: "repeat", count: 2, axis: 1 }],
  [[2, 3], { op: "repeat", count: 1, axis: 1 }],
  [[2, 3], { op: "repeat", count: 0, axis: 1 }],
  [[2, 3], { op: "repeat", count: [2, 0, 3], axis: 1 }],
  [[2, 2], { op: "repeat", count: [1, 2, 3, 0] }],
  [[2, 0], { op: "repeat", count: 2, axis: 0 }],
  [[2, 3], { op: "repeat", count: [0, 0], axis: 0 }],
];

export const cases: Case<TileAttributes>[] = table.map(([shape, attrs]) => ({
  name: `[${shape.join()}] ${JSON.stringify(attrs)}`,
  inputs: [{ shape }],
  attrs,
}));

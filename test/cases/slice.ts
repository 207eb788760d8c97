import type { IndexItem, SliceRange } from "nabla";
import type { Case } from "../support/check-op.js";

const table: [readonly number[], readonly SliceRange[]][] = [
  [[5], [[1, 4]]],
  [[5], [[null, null, 2]]],
  [[5], [[null, null, -1]]],
  [[5], [[-2, null]]],
  [[5], [[4, 0, -2]]],
  [[5], [[-1, -6, -1]]],
  [[5], [[10, 20]]],
  [[5], [[-20, 20]]],
  [[5], [[3, 1]]],
  [[5], [[20, -20, -3]]],
  [[5], [[2, 3]]],
  [[5], []],
  [
    [3, 4],
    [null, [1, 3]],
  ],
  [
    [3, 4],
    [
      [0, 2],
      [null, null, 3],
    ],
  ],
  [
    [3, 4],
    [
      [null, null, -2],
      [null, null, -1],
    ],
  ],
  [
    [2, 3, 4],
    [[1], null, [2, null]],
  ],
  [
    [2, 3, 17],
    [null, [null, null, 2], [16, null, -5]],
  ],
  [
    [0, 3],
    [null, [1, 2]],
  ],
];

export const cases: Case<readonly SliceRange[]>[] = table.map(([shape, attrs]) => ({
  name: `[${shape.join()}] ${JSON.stringify(attrs)}`,
  inputs: [{ shape }],
  attrs,
}));

const indexTable: [readonly number[], readonly IndexItem[]][] = [
  [[5], [3]],
  [[5], [-1]],
  [[5], []],
  [[5], [[1, 4]]],
  [[5], ["newAxis"]],
  [[], []],
  [[], ["..."]],
  [[], ["newAxis", "..."]],
  [[3, 4], [1]],
  [
    [3, 4],
    [1, -2],
  ],
  [
    [3, 4],
    [null, 2],
  ],
  [
    [3, 4],
    ["...", 2],
  ],
  [
    [3, 4],
    [[null, null, -1], "newAxis", [1, 3]],
  ],
  [
    [2, 3, 4],
    [-1, "...", "newAxis", 0],
  ],
  [
    [2, 3, 4],
    [0, "...", 1, 2],
  ],
  [
    [2, 3, 4],
    ["newAxis", 0, "newAxis", [2, 0, -1]],
  ],
  [
    [2, 3, 0],
    [0, [1, 3]],
  ],
  [
    [2, 1, 2, 1, 2, 1, 2, 1],
    [0, "...", 0, "newAxis"],
  ],
];

export const indexCases: Case<readonly IndexItem[]>[] = indexTable.map(([shape, attrs]) => ({
  name: `[${shape.join()}] ${JSON.stringify(attrs)}`,
  inputs: [{ shape }],
  attrs,
}));

import type { SliceRange } from "nabla";
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

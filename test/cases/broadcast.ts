import type { Case } from "../support/check-op.js";

export const cases: Case<readonly number[]>[] = (
  [
    [[], [2, 3]],
    [[1], [5]],
    [[3], [2, 3]],
    [
      [3, 1],
      [3, 4],
    ],
    [
      [2, 1, 3],
      [4, 2, 5, 3],
    ],
    [
      [3, 5],
      [3, 5],
    ],
    [
      [1, 3],
      [0, 3],
    ],
    [[0], [2, 0]],
  ] as const
).map(([shape, target]) => ({ name: `[${shape.join()}] to [${target.join()}]`, inputs: [{ shape }], attrs: target }));

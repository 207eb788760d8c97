import type { Case } from "../support/check-op.js";

interface Attributes {
  readonly indices: readonly number[];
  readonly shape: readonly number[];
}

/** The input is the table. */
export const cases: Case<Attributes>[] = (
  [
    [[5, 3], [4, 0, 4, 1], [4]],
    [[5, 3], [2], []],
    [
      [7, 33],
      [6, 0, 3, 3, 1, 2],
      [2, 3],
    ],
    [
      [4, 1],
      [-1, -4, 3],
      [1, 3],
    ],
    [[3, 2], [], [0, 2]],
    [[3, 0], [1], [1]],
  ] as const
).map(([table, indices, shape]) => ({
  name: `[${table.join()}] at [${indices.join()}] as [${shape.join()}]`,
  inputs: [{ shape: table }],
  attrs: { indices, shape },
}));

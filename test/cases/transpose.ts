import type { Case } from "../support/check-op.js";

/** undefined reverses the axes. */
export const cases: Case<readonly number[] | undefined>[] = (
  [
    [[], undefined],
    [[5], undefined],
    [[3, 5], undefined],
    [[2, 3, 4], undefined],
    [
      [2, 3, 4],
      [1, 2, 0],
    ],
    [
      [2, 3, 4],
      [0, -1, 1],
    ],
    [
      [2, 1, 3, 2],
      [3, 0, 2, 1],
    ],
    [[0, 3], undefined],
  ] as const
).map(([shape, axes]) => ({
  name: `[${shape.join()}] by ${axes?.join() ?? "reversal"}`,
  inputs: [{ shape }],
  attrs: axes,
}));

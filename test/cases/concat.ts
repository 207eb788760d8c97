import type { Case } from "../support/check-op.js";

export interface JoinAttributes {
  readonly axis: number;
}

function table(...rows: [shapes: (readonly number[])[], axis: number][]): Case<JoinAttributes>[] {
  return rows.map(([shapes, axis]) => ({
    name: `${shapes.length > 4 ? `${shapes.length} of ` : ""}${shapes
      .slice(0, 4)
      .map((shape) => `[${shape.join()}]`)
      .join(" ")}, axis ${axis}`,
    inputs: shapes.map((shape) => ({ shape })),
    attrs: { axis },
  }));
}

export const concatCases = table(
  [[[3], [5]], 0],
  [[[1]], 0],
  [[[7, 3]], 1],
  [[[0], [3], [0]], -1],
  [
    [
      [0, 2],
      [0, 2],
    ],
    0,
  ],
  [
    [
      [2, 3],
      [5, 3],
      [1, 3],
    ],
    0,
  ],
  [
    [
      [2, 3],
      [2, 1],
      [2, 31],
    ],
    1,
  ],
  [
    [
      [2, 3, 5],
      [2, 4, 5],
    ],
    1,
  ],
  [
    [
      [3, 1, 2],
      [3, 1, 1],
    ],
    -1,
  ],
  [Array.from({ length: 100 }, () => [2, 3]), 1],
);

export const stackCases = table(
  [[[], [], []], 0],
  [[[3], [3]], 0],
  [[[3], [3]], 1],
  [[[2, 3]], -1],
  [
    [
      [0, 2],
      [0, 2],
    ],
    1,
  ],
  [
    [
      [2, 3, 5],
      [2, 3, 5],
      [2, 3, 5],
    ],
    -2,
  ],
  [Array.from({ length: 100 }, () => [7]), -1],
);

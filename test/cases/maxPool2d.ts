import type { Padding } from "nabla";
import type { Case } from "../support/check-op.js";

export interface PoolAttributes {
  readonly poolSize: number | readonly [number, number];
  readonly strides?: number | readonly [number, number];
  readonly padding?: Padding;
  readonly dataFormat?: "channelsLast" | "channelsFirst" | undefined;
}

const rows: [readonly number[], PoolAttributes][] = [
  [[1, 2, 2, 1], { poolSize: 2 }],
  [[2, 4, 6, 3], { poolSize: 2 }],
  [[1, 5, 7, 2], { poolSize: 2 }],
  [[1, 5, 3, 2], { poolSize: 2, padding: "same" }],
  [[1, 6, 5, 3], { poolSize: 3, strides: 2, padding: "same" }],
  [[1, 5, 5, 1], { poolSize: [3, 2], strides: 1 }],
  [[1, 4, 4, 2], { poolSize: 3, strides: 1, padding: "same" }],
  [[1, 5, 6, 17], { poolSize: 2 }],
  [[1, 4, 4, 33], { poolSize: [2, 1], strides: [1, 2] }],
  [[2, 3, 5, 16], { poolSize: 2, strides: 3, padding: 1 }],
  [
    [1, 4, 5, 2],
    {
      poolSize: 2,
      padding: [
        [1, 0],
        [0, 1],
      ],
    },
  ],
  [[1, 3, 3, 2], { poolSize: 3 }],
  [[0, 4, 4, 2], { poolSize: 2 }],
  [[1, 3, 4, 6], { poolSize: 2, dataFormat: "channelsFirst" }],
  [[1, 3, 3, 5], { poolSize: 1 }],
  [[1, 7, 10, 3], { poolSize: [2, 3] }],
  // More pixels than a byte counts.
  [[1, 18, 17, 2], { poolSize: 17 }],
];

export const cases: Case<PoolAttributes>[] = rows.map(([shape, attrs]) => ({
  name: `[${shape.join()}] ${JSON.stringify(attrs)}`,
  inputs: [{ shape, values: "distinct" }],
  attrs,
}));

/** Layers of program 1. */
export const large: Case<PoolAttributes>[] = [
  [2, 26, 26, 32],
  [2, 11, 11, 64],
].map((shape) => ({
  name: `[${shape.join()}]`,
  inputs: [{ shape, values: "distinct" }],
  attrs: { poolSize: 2 },
  gradient: false,
}));

export const withNaN: Case<PoolAttributes> = {
  name: "NaN wins",
  inputs: [{ shape: [1, 2, 4, 1], values: [1, NaN, 2, 3, 4, 5, 6, -Infinity] }],
  attrs: { poolSize: 2 },
  gradient: false,
};

/** [batch, height, width, channels] for the benchmark, with windows of 2. */
export const named = { "2x2 56px 128 N=32": [32, 56, 56, 128], "2x2 26px 32 N=32": [32, 26, 26, 32] } as const;

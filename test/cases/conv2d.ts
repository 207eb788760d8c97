import type { ActivationName, Padding } from "nabla";
import type { Case } from "../support/check-op.js";
import type { PoolAttributes } from "./maxPool2d.js";

export interface ConvAttributes {
  readonly strides?: number | readonly [number, number];
  readonly padding?: Padding;
  readonly dilationRate?: number | readonly [number, number];
  readonly groups?: number;
  readonly dataFormat?: "channelsLast" | "channelsFirst";
  readonly activation?: ActivationName;
  readonly maxPool?: Omit<PoolAttributes, "dataFormat">;
}

type Row = [x: readonly number[], kernel: readonly number[], bias: boolean, attrs: ConvAttributes];

const rows: Row[] = [
  [[1, 3, 3, 1], [3, 3, 1, 1], false, {}],
  [[2, 5, 6, 1], [3, 3, 1, 3], true, {}],
  [[1, 5, 4, 3], [3, 3, 3, 2], true, { padding: "same" }],
  [[1, 6, 5, 2], [3, 3, 2, 3], false, { strides: 2, padding: "same" }],
  [
    [1, 7, 5, 2],
    [2, 3, 2, 2],
    true,
    {
      strides: [2, 1],
      padding: [
        [1, 0],
        [2, 1],
      ],
    },
  ],
  [[1, 7, 8, 2], [3, 2, 2, 2], false, { dilationRate: [2, 3] }],
  [[1, 7, 7, 1], [3, 3, 1, 2], true, { dilationRate: 2, padding: "same" }],
  [[2, 3, 3, 5], [1, 1, 5, 4], true, {}],
  [[1, 5, 4, 3], [1, 1, 3, 2], false, { strides: 2 }],
  [[2, 4, 4, 2], [4, 4, 2, 3], true, {}],
  // A stride along rows alone: pixels of the gradient with a single tap, evenly apart.
  [[1, 1, 6, 2], [1, 3, 2, 3], false, { strides: [1, 2], padding: "same" }],
  [[2, 3, 8, 5], [1, 2, 5, 7], true, { strides: [1, 2] }],
  [[1, 4, 9, 4], [1, 4, 4, 33], false, { strides: [1, 3], padding: "same" }],
  [[2, 2, 6, 3], [2, 2, 3, 4], false, { strides: [2, 2] }],
  [[1, 4, 4, 2], [3, 3, 2, 2], false, { padding: 2 }],
  [[1, 5, 5, 4], [3, 3, 2, 6], true, { groups: 2 }],
  [[1, 6, 5, 3], [3, 3, 1, 6], true, { groups: 3, strides: 2, padding: "same" }],
  [[1, 9, 8, 1], [5, 5, 1, 2], false, { strides: 3, padding: 2 }],
  [[1, 5, 7, 17], [3, 3, 17, 33], true, {}],
  [[2, 4, 5, 16], [2, 2, 16, 15], false, { padding: "same" }],
  [[1, 1, 33, 2], [1, 3, 2, 3], true, {}],
  [[0, 4, 4, 2], [3, 3, 2, 2], true, {}],
  [[1, 3, 4, 5], [3, 3, 3, 2], true, { dataFormat: "channelsFirst" }],
  [[2, 2, 5, 5], [3, 3, 2, 4], false, { dataFormat: "channelsFirst", padding: "same", strides: 2 }],
  [[1, 5, 5, 2], [3, 3, 2, 3], true, { activation: "relu" }],
  [[1, 5, 5, 1], [3, 3, 1, 3], false, { activation: "relu" }],
  [[1, 5, 5, 2], [3, 3, 2, 3], true, { activation: "tanh", padding: "same" }],
  [[2, 4, 4, 2], [3, 3, 2, 3], true, { activation: "sigmoid", dataFormat: "channelsLast" }],
  [[2, 6, 6, 2], [3, 3, 2, 3], true, { maxPool: { poolSize: 2 } }],
  [[1, 7, 6, 1], [3, 3, 1, 5], false, { activation: "tanh", maxPool: { poolSize: [2, 3] } }],
  [[2, 5, 5, 2], [2, 2, 2, 17], true, { activation: "relu", padding: "same", maxPool: { poolSize: 2 } }],
  [[1, 5, 6, 2], [2, 3, 2, 3], true, { activation: "sigmoid", maxPool: { poolSize: 2, strides: 1, padding: "same" } }],
  [[1, 2, 6, 7], [3, 3, 2, 4], true, { dataFormat: "channelsFirst", groups: 1, maxPool: { poolSize: [2, 1] } }],
  [[0, 6, 6, 2], [3, 3, 2, 3], true, { maxPool: { poolSize: 2 } }],
  [[3, 1, 1, 2], [1, 1, 2, 3], true, { maxPool: { poolSize: 1 } }],
];

const toCase = ([x, kernel, bias, attrs]: Row): Case<ConvAttributes> => ({
  name: `[${x.join()}] by [${kernel.join()}]${bias ? " bias" : ""} ${JSON.stringify(attrs)}`,
  inputs: [{ shape: x }, { shape: kernel }, ...(bias ? [{ shape: [kernel[3]!] }] : [])],
  attrs,
});

export const cases: Case<ConvAttributes>[] = rows.map(toCase);

/** Layers of program 1 with small batches: too large for the naive gradient. */
export const large: Case<ConvAttributes>[] = (
  [
    [[2, 28, 28, 1], [3, 3, 1, 32], true, { activation: "relu" }],
    [[2, 13, 13, 32], [3, 3, 32, 64], true, { activation: "relu" }],
    [[1, 12, 12, 3], [7, 7, 3, 8], false, { strides: 2, padding: "same" }],
    [[2, 28, 28, 1], [3, 3, 1, 32], true, { activation: "relu", maxPool: { poolSize: 2 } }],
    [[2, 13, 13, 32], [3, 3, 32, 64], true, { activation: "relu", maxPool: { poolSize: 2 } }],
  ] as Row[]
).map((row) => ({ ...toCase(row), gradient: false }));

/** [batch, size, size, channels, filters, kernel, stride] of layers that programs and the benchmark use. */
export const named = {
  "3x3 28px 1->32 N=32": [32, 28, 28, 1, 32, 3, 1],
  "3x3 13px 32->64 N=32": [32, 13, 13, 32, 64, 3, 1],
  "3x3 112px 64->128 N=8": [8, 112, 112, 64, 128, 3, 1],
  "3x3 56px 128->256 N=8": [8, 56, 56, 128, 256, 3, 1],
  "3x3 28px 256->512 N=8": [8, 28, 28, 256, 512, 3, 1],
  "3x3 14px 512->512 N=8": [8, 14, 14, 512, 512, 3, 1],
  "3x3 224px 3->64 N=8": [8, 224, 224, 3, 64, 3, 1],
  "1x1 56px 64->256 N=8": [8, 56, 56, 64, 256, 1, 1],
  "7x7/2 224px 3->64 N=8": [8, 224, 224, 3, 64, 7, 2],
} as const;

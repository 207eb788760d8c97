import type { ConvTranspose2dOptions } from "nabla";
import type { Case } from "../support/check-op.js";

export type ConvTransposeAttributes = Omit<ConvTranspose2dOptions, "bias">;

type Row = [x: readonly number[], kernel: readonly number[], bias: boolean, attrs: ConvTransposeAttributes];

const rows: Row[] = [
  [[1, 1, 1, 1], [3, 3, 1, 1], false, {}],
  [[2, 3, 4, 2], [3, 2, 3, 2], true, {}],
  [[1, 3, 4, 2], [3, 3, 2, 2], true, { strides: 2 }],
  [[1, 3, 2, 2], [2, 1, 3, 2], false, { strides: [3, 2] }],
  [[1, 3, 4, 3], [3, 3, 2, 3], true, { padding: "same" }],
  [[1, 3, 4, 2], [3, 4, 3, 2], true, { padding: "same", strides: 2 }],
  [[2, 2, 3, 1], [2, 5, 2, 1], false, { padding: "same", strides: [3, 2] }],
  [[1, 3, 3, 2], [1, 1, 2, 2], false, { padding: "same", strides: [2, 3] }],
  [[1, 3, 4, 2], [3, 3, 2, 2], false, { padding: "same", strides: 2, outputPadding: [0, 1] }],
  [[1, 4, 3, 1], [2, 4, 2, 1], false, { padding: "same", strides: 2, outputPadding: [0, 1] }],
  [[1, 3, 3, 2], [3, 2, 1, 2], true, { strides: [2, 3], outputPadding: [1, 2] }],
  [[1, 4, 3, 2], [3, 3, 2, 2], true, { strides: 2, padding: 1, outputPadding: 1 }],
  [
    [1, 4, 3, 2],
    [4, 3, 2, 2],
    false,
    {
      strides: [2, 1],
      padding: [
        [1, 0],
        [2, 1],
      ],
    },
  ],
  [[1, 3, 3, 2], [3, 2, 2, 2], false, { dilationRate: [2, 3] }],
  [[1, 4, 3, 2], [3, 3, 2, 2], true, { dilationRate: 2, padding: "same", strides: 2 }],
  [[2, 3, 3, 5], [1, 1, 4, 5], true, {}],
  [[1, 3, 3, 17], [2, 2, 33, 17], true, {}],
  [[0, 3, 3, 2], [3, 3, 2, 2], true, {}],
  [[1, 2, 3, 4], [3, 3, 5, 2], true, { dataFormat: "channelsFirst", strides: 2 }],
];

export const cases: Case<ConvTransposeAttributes>[] = rows.map(([x, kernel, bias, attrs]) => ({
  name: `[${x.join()}] by [${kernel.join()}]${bias ? " bias" : ""} ${JSON.stringify(attrs)}`,
  inputs: [{ shape: x }, { shape: kernel }, ...(bias ? [{ shape: [kernel[2]!] }] : [])],
  attrs,
}));

import type { DepthwiseConv2dOptions } from "nabla";
import type { Case } from "../support/check-op.js";

export type DepthwiseAttributes = Omit<DepthwiseConv2dOptions, "bias">;

type Row = [x: readonly number[], kernel: readonly number[], bias: boolean, attrs: DepthwiseAttributes];

const rows: Row[] = [
  [[1, 3, 3, 1], [3, 3, 1, 1], false, {}],
  [[2, 5, 6, 3], [3, 3, 3, 1], true, {}],
  [[1, 5, 4, 3], [3, 2, 3, 2], true, { padding: "same" }],
  [[1, 6, 5, 2], [3, 3, 2, 3], false, { strides: 2, padding: "same" }],
  [[1, 7, 8, 2], [3, 2, 2, 1], true, { dilationRate: [2, 3] }],
  [
    [1, 5, 5, 17],
    [3, 3, 17, 1],
    true,
    {
      strides: [1, 2],
      padding: [
        [1, 0],
        [2, 1],
      ],
    },
  ],
  [[1, 4, 4, 5], [2, 2, 5, 4], false, {}],
  [[1, 3, 3, 4], [1, 1, 4, 2], true, {}],
  [[0, 4, 4, 2], [3, 3, 2, 2], true, {}],
  [[1, 3, 4, 5], [3, 3, 3, 2], true, { dataFormat: "channelsFirst" }],
  [[1, 5, 5, 2], [3, 3, 2, 2], true, { activation: "sigmoid" }],
];

export const cases: Case<DepthwiseAttributes>[] = rows.map(([x, kernel, bias, attrs]) => ({
  name: `[${x.join()}] by [${kernel.join()}]${bias ? " bias" : ""} ${JSON.stringify(attrs)}`,
  inputs: [{ shape: x }, { shape: kernel }, ...(bias ? [{ shape: [kernel[2]! * kernel[3]!] }] : [])],
  attrs,
}));

import type { Conv1dOptions } from "nabla";
import type { Case } from "../support/check-op.js";

export type Conv1dAttributes = Omit<Conv1dOptions, "bias">;

type Row = [x: readonly number[], kernel: readonly number[], bias: boolean, attrs: Conv1dAttributes];

const rows: Row[] = [
  [[1, 3, 1], [3, 1, 1], false, {}],
  [[2, 7, 3], [3, 3, 4], true, {}],
  [[1, 6, 2], [3, 2, 3], true, { padding: "same" }],
  [[2, 7, 2], [2, 2, 3], false, { padding: "same", strides: 2 }],
  [[1, 8, 2], [3, 2, 2], true, { padding: "causal" }],
  [[1, 9, 1], [3, 1, 2], false, { padding: "causal", dilationRate: 2 }],
  [[1, 7, 2], [2, 2, 1], false, { padding: "causal", strides: 3 }],
  [[1, 5, 2], [4, 2, 3], true, { padding: 2 }],
  [[2, 5, 1], [3, 1, 2], false, { padding: [0, 3], strides: 2 }],
  [[1, 11, 4], [3, 2, 6], true, { groups: 2, dilationRate: 3 }],
  [[1, 7, 3], [2, 1, 6], false, { groups: 3, strides: 2 }],
  [[1, 13, 17], [5, 17, 33], true, {}],
  [[2, 5, 3], [1, 3, 2], true, {}],
  [[0, 5, 2], [3, 2, 2], true, {}],
  [[1, 3, 6], [3, 3, 2], true, { dataFormat: "channelsFirst" }],
  [[2, 2, 5], [3, 2, 4], false, { dataFormat: "channelsFirst", padding: "same", strides: 2 }],
  // As many steps of the gradient in each phase of the stride as dy has, one with a single tap.
  [[1, 6, 2], [2, 2, 3], false, { padding: "same", strides: 2 }],
  [[2, 12, 5], [3, 5, 7], true, { padding: "same", strides: 2 }],
  [[2, 12, 4], [3, 4, 5], false, { strides: 3 }],
  [[2, 16, 3], [4, 3, 33], true, { strides: 4 }],
  [[1, 6, 2], [3, 2, 3], true, { activation: "tanh", padding: "causal" }],
];

export const cases: Case<Conv1dAttributes>[] = rows.map(([x, kernel, bias, attrs]) => ({
  name: `[${x.join()}] by [${kernel.join()}]${bias ? " bias" : ""} ${JSON.stringify(attrs)}`,
  inputs: [{ shape: x }, { shape: kernel }, ...(bias ? [{ shape: [kernel[2]!] }] : [])],
  attrs,
}));

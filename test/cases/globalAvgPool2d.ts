import type { GlobalAvgPool2dOptions } from "nabla";
import type { Case } from "../support/check-op.js";

const rows: [readonly number[], GlobalAvgPool2dOptions][] = [
  [[1, 1, 1, 1], {}],
  [[2, 3, 5, 7], {}],
  [[1, 4, 1, 17], { keepDims: true }],
  [[2, 3, 4, 5], { dataFormat: "channelsFirst" }],
  [[2, 3, 4, 5], { dataFormat: "channelsFirst", keepDims: true }],
  [[0, 2, 2, 3], {}],
];

export const cases: Case<GlobalAvgPool2dOptions>[] = rows.map(([shape, attrs]) => ({
  name: `[${shape.join()}] ${JSON.stringify(attrs)}`,
  inputs: [{ shape }],
  attrs,
}));

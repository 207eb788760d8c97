import type { SoftmaxCrossEntropyOptions } from "nabla";
import type { Case } from "../support/check-op.js";

const options: SoftmaxCrossEntropyOptions[] = [
  {},
  { reduction: "sum" },
  { reduction: "none" },
  { labelSmoothing: 0.1 },
  { reduction: "none", labelSmoothing: 1 },
];

const rows: [readonly number[], readonly number[]][] = [
  [[1, 1], [1]],
  [[5, 3], [5]],
  [[4, 17], [4]],
  [[3, 33], [3]],
  [
    [2, 3, 5],
    [2, 3],
  ],
  [[5], []],
];

/** Logits and class numbers. */
export const byLabel: Case<SoftmaxCrossEntropyOptions>[] = rows.flatMap(([shape, labels]) =>
  options.map((attrs) => ({
    name: `[${shape.join()}] ${JSON.stringify(attrs)}`,
    inputs: [{ shape }, { shape: labels, values: shape.at(-1)! >= 3 ? "labels" : [0], dtype: "int32" }],
    attrs,
  })),
);

/** Logits and probabilities. */
export const byProbability: Case<SoftmaxCrossEntropyOptions>[] = rows.flatMap(([shape]) =>
  options.map((attrs) => ({
    name: `[${shape.join()}] probabilities ${JSON.stringify(attrs)}`,
    inputs: [{ shape }, { shape, values: "unit" }],
    attrs,
  })),
);

export const extreme: Case<SoftmaxCrossEntropyOptions>[] = [
  {
    name: "large logits",
    inputs: [
      { shape: [2, 3], values: [1000, 900, -1000, -1000, -1001, -999] },
      { shape: [2], values: [0, 2], dtype: "int32" },
    ],
    attrs: { reduction: "none" },
  },
  {
    name: "no samples",
    inputs: [{ shape: [0, 3] }, { shape: [0], dtype: "int32" }],
    attrs: { reduction: "none" },
  },
];

import type { BatchNormAttributes } from "../reference/batchNorm.js";
import type { Case } from "../support/check-op.js";

interface Row {
  shape: readonly number[];
  gamma?: boolean;
  beta?: boolean;
}

// [900, 37] is cut into several tasks.
const table: Row[] = [
  { shape: [1] },
  { shape: [5] },
  { shape: [3, 1] },
  { shape: [4, 3], gamma: false },
  { shape: [2, 5, 15], beta: false },
  { shape: [3, 2, 2, 16], gamma: false, beta: false },
  { shape: [7, 17] },
  { shape: [3, 131] },
  { shape: [900, 37] },
  { shape: [0, 4] },
  { shape: [3, 0] },
];

export const cases: Case<BatchNormAttributes>[] = table.map(({ shape, gamma = true, beta = true }) => {
  const vector = { shape: shape.slice(-1) };
  const given = [...(gamma ? [vector] : []), ...(beta ? [vector] : [])];
  return {
    name: [`[${shape.join()}]`, gamma ? "gamma" : "", beta ? "beta" : ""].filter(Boolean).join(", "),
    inputs: [{ shape }, vector, { ...vector, values: "positive" }, ...given],
    attrs: { epsilon: 1e-3, gamma, beta },
  };
});

/** Without the statistics, which are those of x: there must be some. */
export const trainingCases: Case<BatchNormAttributes>[] = cases
  .filter(({ inputs }) => !inputs[0]!.shape.includes(0))
  .map((testCase) => ({ ...testCase, inputs: [testCase.inputs[0]!, ...testCase.inputs.slice(3)] }));

const plain: BatchNormAttributes = { epsilon: 0, gamma: false, beta: false };
const one = [1];

/** Values that no gradient can be measured at. */
export const extreme: Case<BatchNormAttributes>[] = [
  { name: "NaN and infinities", x: [NaN, Infinity, -Infinity, 2], mean: 1, variance: 4 },
  { name: "no variance", x: [1, 2, 0, 3], mean: 1, variance: 0 },
  { name: "a negative variance", x: [1, 2, 0, 3], mean: 1, variance: -1 },
].map(({ name, x, mean, variance }) => ({
  name,
  inputs: [
    { shape: [4, 1], values: x },
    { shape: one, values: [mean] },
    { shape: one, values: [variance] },
  ],
  attrs: plain,
  gradient: false,
}));

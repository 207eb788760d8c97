import type { NormAttributes } from "../reference/layerNorm.js";
import type { Case } from "../support/check-op.js";

interface Row {
  shape: readonly number[];
  axes?: number;
  gamma?: boolean;
  beta?: boolean;
  epsilon?: number;
}

// One column, fewer and more columns than a register has lanes, and numbers of rows that are no multiple of four.
const table: Row[] = [
  { shape: [1] },
  { shape: [7], epsilon: 1e-5 },
  { shape: [3, 1] },
  { shape: [3, 2] },
  { shape: [5, 15] },
  { shape: [4, 16], gamma: false },
  { shape: [2, 17], beta: false },
  { shape: [9, 67], gamma: false, beta: false },
  { shape: [2, 3, 5] },
  { shape: [2, 3, 5], axes: 2 },
  { shape: [2, 3, 5], axes: 3, beta: false },
  { shape: [37, 3] },
  { shape: [3, 521] },
  { shape: [0, 4] },
  { shape: [2, 0] },
];

function normCase({ shape, axes = 1, gamma = true, beta = true, epsilon = 1e-3 }: Row): Case<NormAttributes> {
  const vector = { shape: shape.slice(shape.length - axes) };
  const parts = [axes > 1 ? `${axes} axes` : "", gamma ? "gamma" : "", beta ? "beta" : ""].filter(Boolean);
  return {
    name: [`[${shape.join()}]`, ...parts].join(", "),
    inputs: [{ shape }, ...(gamma ? [vector] : []), ...(beta ? [vector] : [])],
    attrs: { epsilon, axes, gamma, beta },
  };
}

export const cases = table.map(normCase);

const plain: NormAttributes = { epsilon: 1e-3, axes: 1, gamma: false, beta: false };

/** Values that no gradient can be measured at. */
export const extreme: Case<NormAttributes>[] = [
  { name: "a constant row", inputs: [{ shape: [2, 3], values: [5, 5, 5, -1, -1, -1] }], attrs: plain },
  { name: "NaN", inputs: [{ shape: [2, 3], values: [NaN, 0, 1, 3, 1, 2] }], attrs: plain, gradient: false },
  {
    name: "infinities",
    inputs: [{ shape: [3, 2], values: [Infinity, 0, -Infinity, Infinity, 3, 1] }],
    attrs: plain,
    gradient: false,
  },
  {
    name: "no variance and no epsilon",
    inputs: [{ shape: [2, 2], values: [4, 4, 1, 2] }],
    attrs: { ...plain, epsilon: 0 },
    gradient: false,
  },
];

/** For the benchmark. */
export const named = { "4096x768": [4096, 768] } as const;

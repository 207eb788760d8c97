import type { RmsNormAttributes } from "../reference/rmsNorm.js";
import type { Case } from "../support/check-op.js";

interface Row {
  shape: readonly number[];
  axes?: number;
  gamma?: boolean;
}

const table: Row[] = [
  { shape: [1] },
  { shape: [7] },
  { shape: [3, 1] },
  { shape: [3, 2] },
  { shape: [5, 15] },
  { shape: [4, 16], gamma: false },
  { shape: [9, 67] },
  { shape: [2, 3, 5] },
  { shape: [2, 3, 5], axes: 2 },
  { shape: [2, 3, 5], axes: 3, gamma: false },
  { shape: [37, 3] },
  { shape: [3, 521] },
  { shape: [0, 4] },
  { shape: [2, 0] },
];

export const cases: Case<RmsNormAttributes>[] = table.map(({ shape, axes = 1, gamma = true }) => ({
  name: `[${shape.join()}]${axes > 1 ? `, ${axes} axes` : ""}${gamma ? ", gamma" : ""}`,
  inputs: [{ shape, values: "nonzero" }, ...(gamma ? [{ shape: shape.slice(shape.length - axes) }] : [])],
  attrs: { epsilon: 1e-3, axes },
}));

/** Values that no gradient can be measured at. */
export const extreme: Case<RmsNormAttributes>[] = [
  { name: "NaN", inputs: [{ shape: [2, 2], values: [NaN, 0, 3, 1] }], attrs: { epsilon: 1e-6, axes: 1 } },
  { name: "infinities", inputs: [{ shape: [2, 2], values: [-Infinity, 2, 3, 1] }], attrs: { epsilon: 1e-6, axes: 1 } },
  { name: "zeros", inputs: [{ shape: [2, 2], values: [0, 0, 3, 1] }], attrs: { epsilon: 1e-6, axes: 1 } },
  { name: "zeros, no epsilon", inputs: [{ shape: [2, 2], values: [0, 0, 3, 1] }], attrs: { epsilon: 0, axes: 1 } },
].map((row) => ({ ...row, gradient: false }));

import type { GroupNormAttributes } from "../reference/groupNorm.js";
import type { Case } from "../support/check-op.js";

interface Row {
  shape: readonly number[];
  groups: number;
  gamma?: boolean;
  beta?: boolean;
}

// Groups of one channel, of all channels, of a few; samples of one row, and of several blocks of rows ([2, 700, 37]).
const table: Row[] = [
  { shape: [1, 1], groups: 1 },
  { shape: [3, 6], groups: 2 },
  { shape: [2, 5, 4], groups: 1 },
  { shape: [2, 5, 4], groups: 4, gamma: false },
  { shape: [2, 3, 2, 6], groups: 3 },
  { shape: [2, 2, 3, 15], groups: 5, beta: false },
  { shape: [1, 7, 34], groups: 2, gamma: false, beta: false },
  { shape: [2, 3, 130], groups: 13 },
  { shape: [1, 2, 2, 3, 4], groups: 2 },
  { shape: [2, 1200, 14], groups: 7 },
  { shape: [0, 3, 4], groups: 2 },
  { shape: [2, 0, 4], groups: 2 },
  { shape: [2, 3, 0], groups: 2 },
];

export const cases: Case<GroupNormAttributes>[] = table.map(({ shape, groups, gamma = true, beta = true }) => {
  const vector = { shape: shape.slice(-1) };
  return {
    name: [`[${shape.join()}]`, `${groups} groups`, gamma ? "gamma" : "", beta ? "beta" : ""]
      .filter(Boolean)
      .join(", "),
    inputs: [{ shape }, ...(gamma ? [vector] : []), ...(beta ? [vector] : [])],
    attrs: { epsilon: 1e-3, groups, gamma, beta },
  };
});

/** Values that no gradient can be measured at: only the group that holds them is affected. */
export const extreme: Case<GroupNormAttributes>[] = [
  { name: "NaN", values: [NaN, 0, 1, 3, 2, 2, 4, 5] },
  { name: "infinities", values: [0, 0, 1, -Infinity, 2, 2, 4, 5] },
  { name: "constant", values: [3, 3, 3, 3, 3, 3, 3, 3] },
].map(({ name, values }) => ({
  name,
  inputs: [{ shape: [1, 2, 4], values }],
  attrs: { epsilon: 1e-3, groups: 2, gamma: false, beta: false },
  gradient: false,
}));

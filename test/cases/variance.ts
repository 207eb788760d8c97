import type { VarianceOptions } from "nabla";
import type { Case } from "../support/check-op.js";

const table: [readonly number[], VarianceOptions[]][] = [
  [[1], [{}]],
  [[17], [{}, { ddof: 1 }, { axis: -1, keepDims: true }]],
  [
    [3, 5],
    [{}, { axis: 0, ddof: 1 }, { axis: 1 }, { axis: [0, 1], keepDims: true, ddof: 0.5 }],
  ],
  [
    [2, 3, 31],
    [{ axis: 1 }, { axis: [0, 2], ddof: 1 }, { axis: [2, 0], keepDims: true }],
  ],
  [
    [4, 1, 67],
    [{ axis: 2 }, { axis: [0, 1] }],
  ],
  [
    [1009, 2],
    [{ axis: 0 }, { axis: 1 }],
  ],
  [[0, 3], [{ axis: 1 }]],
];

export const cases: Case<VarianceOptions>[] = table.flatMap(([shape, options]) =>
  options.map((attrs) => ({ name: `[${shape.join()}] ${JSON.stringify(attrs)}`, inputs: [{ shape }], attrs })),
);

/** Cut into segments and into parts for several threads. */
export const large: Case<VarianceOptions>[] = [{}, { axis: 0 }, { axis: 1, ddof: 1 }].map((attrs) => ({
  name: `[3,70001] ${JSON.stringify(attrs)}`,
  inputs: [{ shape: [3, 70001] }],
  attrs,
  gradient: false,
  dtypes: ["float32", "float64"] as const,
}));

export const special: Case<VarianceOptions>[] = [
  ...[{}, { axis: 0 }].map((attrs) => ({
    name: `[0,3] ${JSON.stringify(attrs)}`,
    inputs: [{ shape: [0, 3] }],
    attrs,
    gradient: false,
  })),
  ...[1, 2, 3].map((ddof) => ({
    name: `no degree of freedom, ddof ${ddof}`,
    inputs: [{ shape: [2, 2], values: [1, 2, 3, 3] }],
    attrs: { axis: 1, ddof },
    gradient: false,
    dtypes: ["float32", "float64", "int32"] as const,
  })),
  { name: "one element, ddof 1", inputs: [{ shape: [1] }], attrs: { ddof: 1 }, gradient: false },
  {
    name: "NaN and Infinity",
    inputs: [{ shape: [3, 3], values: [1, NaN, 2, 3, Infinity, 5, 1, 2, 4] }],
    attrs: { axis: 1 },
    gradient: false,
    dtypes: ["float32", "float64"],
  },
  {
    name: "a mean far from 0",
    inputs: [{ shape: [1, 5], values: [4096, 4097, 4098, 4096, 4100] }],
    attrs: { axis: 1 },
    gradient: false,
  },
];

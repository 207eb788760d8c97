import type { ArgReduceOptions, ReduceOptions } from "nabla";
import type { Case } from "../support/check-op.js";

const table: [readonly number[], ReduceOptions[]][] = [
  [[], [{}, { keepDims: true }]],
  [[1], [{}]],
  [[17], [{}, { axis: 0 }, { axis: -1, keepDims: true }]],
  [[67], [{}]],
  [
    [3, 5],
    [{}, { axis: 0 }, { axis: 1 }, { axis: [0, 1], keepDims: true }, { axis: [] }],
  ],
  [
    [33, 16],
    [{ axis: 0 }, { axis: -1 }],
  ],
  [
    [2, 3, 31],
    [{ axis: 1 }, { axis: [0, 2] }, { axis: [2, 0], keepDims: true }],
  ],
  [
    [4, 1, 5],
    [{ axis: 1 }, { axis: [0, 1] }],
  ],
  [
    [2, 3, 4, 5],
    [{ axis: [0, 2] }, { axis: [1, 3] }, { axis: [0, 1, 2] }],
  ],
  [
    [130, 3],
    [{ axis: 1 }, { axis: 0 }, {}],
  ],
  // Rows that are folded together, and some left over.
  [[37, 67], [{ axis: 1 }]],
  [[19, 301], [{ axis: 1 }]],
  [[0, 3], [{ axis: 1 }]],
];

/** Shapes that programs use, for the benchmark. */
export const named = {
  "bias gradient: 4096x768 over rows": { shape: [4096, 768], axis: 0 },
  "loss: 4096x768": { shape: [4096, 768] },
} as const;

export const cases: Case<ReduceOptions>[] = table.flatMap(([shape, options]) =>
  options.map((attrs) => ({
    name: `[${shape.join()}] ${JSON.stringify(attrs)}`,
    inputs: [{ shape, values: "distinct" }],
    attrs,
  })),
);

/** Enough elements to be cut into parts for several threads. */
export const large: Case<ReduceOptions>[] = [{}, { axis: 0 }, { axis: 1 }].map((attrs) => ({
  name: `[311,457] ${JSON.stringify(attrs)}`,
  inputs: [{ shape: [311, 457], values: "distinct" }],
  attrs,
  gradient: false,
}));

/** Sums of no elements. */
export const empty: Case<ReduceOptions>[] = [{}, { axis: 0 }, { axis: 0, keepDims: true }].map((attrs) => ({
  name: `[0,3] ${JSON.stringify(attrs)}`,
  inputs: [{ shape: [0, 3] }],
  attrs,
  gradient: false,
}));

export const withNaN: Case<ReduceOptions> = {
  name: "NaN wins",
  inputs: [{ shape: [3, 3], values: [1, NaN, 2, -Infinity, 5, Infinity, 0, -0, NaN] }],
  attrs: { axis: 1 },
  gradient: false,
  dtypes: ["float32", "float64"],
};

/** Rows with equal elements: the first is taken. */
export const ties: Case<ArgReduceOptions>[] = [
  ...[undefined, 0, 1, -1].map((axis) => ({
    name: `integers [5,33] axis ${axis}`,
    inputs: [{ shape: [5, 33], values: "labels" as const }],
    attrs: axis === undefined ? {} : { axis },
  })),
  {
    name: "integers [2,3,4] axis 1",
    inputs: [{ shape: [2, 3, 4], values: "labels" }],
    attrs: { axis: 1, keepDims: true },
  },
  { name: "[]", inputs: [{ shape: [] }], attrs: {} },
  { name: "[130,7] axis 0", inputs: [{ shape: [130, 7], values: "distinct" }], attrs: { axis: 0 } },
  { name: "[0,3] axis 1", inputs: [{ shape: [0, 3] }], attrs: { axis: 1 } },
  {
    name: "NaN wins",
    inputs: [{ shape: [2, 3], values: [1, NaN, 2, 3, 4, NaN] }],
    attrs: { axis: 1 },
    dtypes: ["float32", "float64"],
  },
];

/** Products: few factors, or factors near 1; some are 0. */
export const products: Case<ReduceOptions>[] = [
  ...cases
    .filter(({ inputs }) => inputs[0]!.shape.reduce((a, b) => a * b, 1) <= 60)
    .map((testCase) => ({
      ...testCase,
      inputs: [{ shape: testCase.inputs[0]!.shape, values: "positive" as const }],
      dtypes: ["float32", "float64"] as const,
    })),
  ...["nonzero" as const, "integers" as const].map((values) => ({
    name: `[3,4,5] ${values}`,
    inputs: [{ shape: [3, 4, 5], values }],
    attrs: { axis: [0, 2] },
    gradient: false,
    dtypes: ["float32", "float64"] as const,
  })),
  ...[[0, 2, 3, 0.5, -1, 2, 0, 4, 1, 0, 1, 0, 3, 2, 1]].map((values) => ({
    name: "[3,5] with one 0 and two in a row",
    inputs: [{ shape: [3, 5], values }],
    attrs: { axis: 1 },
  })),
  ...[0, 1].map((axis) => ({
    name: `[7,11] of 0 to 2, axis ${axis}`,
    inputs: [{ shape: [7, 11], values: "labels" as const }],
    attrs: { axis },
    dtypes: ["int32", "uint8", "bool"] as const,
  })),
];

/** Whether elements are 0: rows of all kinds. */
export const truths: Case<ReduceOptions>[] = [
  ...[{}, { axis: 0 }, { axis: 1 }, { axis: [0, 1], keepDims: true }].map((attrs) => ({
    name: `[4,3] ${JSON.stringify(attrs)}`,
    inputs: [{ shape: [4, 3], values: [0, 0, 0, 1, 2, 3, 0, 1, 0, 5, 5, 0] }],
    attrs,
  })),
  ...[0, 1, 2].map((axis) => ({ name: `[3,67,2] axis ${axis}`, inputs: [{ shape: [3, 67, 2] }], attrs: { axis } })),
  { name: "[]", inputs: [{ shape: [] }], attrs: {} },
  { name: "[401,211]", inputs: [{ shape: [401, 211], values: "positive" }], attrs: {} },
  {
    name: "NaN and -0",
    inputs: [{ shape: [3, 2], values: [NaN, 0, -0, 0, NaN, 1] }],
    attrs: { axis: 1 },
    dtypes: ["float32", "float64"],
  },
];

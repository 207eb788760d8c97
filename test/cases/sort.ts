import type { SortOptions } from "nabla";
import type { Case } from "../support/check-op.js";

const table: [readonly number[], SortOptions[]][] = [
  [[1], [{}]],
  [[17], [{}, { descending: true }]],
  [
    [3, 5],
    [{ axis: 0 }, { axis: -1, descending: true }],
  ],
  [[2, 31, 3], [{ axis: 1 }]],
  [
    [3, 67],
    [{}, { descending: true }],
  ],
  [[2, 1009], [{}]],
  [[0, 3], [{}]],
  [
    [3, 0],
    [{}, { axis: 0 }],
  ],
];

export const cases: Case<SortOptions>[] = table.flatMap(([shape, options]) =>
  options.map((attrs) => ({
    name: `[${shape.join()}] ${JSON.stringify(attrs)}`,
    inputs: [{ shape, values: "distinct" }],
    attrs,
  })),
);

/** Equal elements, whose order shows in argSort, and special values. */
export const ties: Case<SortOptions>[] = [
  ...[5, 48, 49, 1009].flatMap((size) =>
    [true, false].map((descending) => ({
      name: `integers [2,${size}] ${descending ? "descending" : "ascending"}`,
      inputs: [{ shape: [2, size], values: "integers" as const }],
      attrs: { descending },
      gradient: false,
    })),
  ),
  ...[true, false].map((descending) => ({
    name: `NaN, infinities and zeros ${descending ? "descending" : "ascending"}`,
    inputs: [{ shape: [12], values: [0, NaN, -0, 3, -Infinity, NaN, Infinity, -2.5, 0, 1e-40, -0, -1e-40] }],
    attrs: { descending },
    gradient: false,
    dtypes: ["float32", "float64"] as const,
  })),
  {
    name: "the ends of int32",
    inputs: [{ shape: [5], values: [0, 2 ** 31 - 1, -(2 ** 31), -1, 1] }],
    attrs: {},
    gradient: false,
    dtypes: ["int32"],
  },
];

export const large: Case<SortOptions>[] = [
  { name: "[3,100000]", inputs: [{ shape: [3, 100_000] }], attrs: {}, gradient: false, dtypes: ["float32", "float64"] },
  {
    name: "[1009,131] descending",
    inputs: [{ shape: [1009, 131] }],
    attrs: { descending: true },
    gradient: false,
    dtypes: ["float32", "int32"],
  },
];

export interface TopKAttributes {
  readonly k: number;
  readonly axis?: number;
}

export const topKCases: Case<TopKAttributes>[] = [
  ...(
    [
      [[1], 1],
      [[1], 0],
      [[17], 3],
      [[17], 17],
      [[3, 5], 2],
      [[3, 67], 1],
      [[3, 67], 4],
      [[3, 67], 60],
      [[2, 1009], 13],
      [[0, 3], 2],
      [[3, 0], 0],
    ] as const
  ).map(([shape, k]) => ({
    name: `[${shape.join()}] k ${k}`,
    inputs: [{ shape, values: "distinct" as const }],
    attrs: { k },
  })),
  { name: "[5,3] axis 0", inputs: [{ shape: [5, 3], values: "distinct" }], attrs: { k: 2, axis: 0 } },
  { name: "[2,19,3] axis 1", inputs: [{ shape: [2, 19, 3], values: "distinct" }], attrs: { k: 1, axis: -2 } },
];

export const topKTies: Case<TopKAttributes>[] = [1, 5, 40].map((k) => ({
  name: `integers [3,101] k ${k}`,
  inputs: [{ shape: [3, 101], values: "integers" }],
  attrs: { k },
  gradient: false,
}));

export const topKNaN: Case<TopKAttributes> = {
  name: "NaN is the greatest",
  inputs: [{ shape: [7], values: [0, NaN, 1, Infinity, NaN, -0, -Infinity] }],
  attrs: { k: 4 },
  gradient: false,
  dtypes: ["float32", "float64"],
};

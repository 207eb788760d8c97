import type { NormOptions } from "nabla";
import type { Case } from "../support/check-op.js";

const table: [readonly number[], NormOptions[]][] = [
  [[], [{}, { ord: 1 }]],
  [[1], [{}, { ord: Infinity }]],
  [[17], [{}, { ord: 1 }, { ord: Infinity, axis: 0, keepDims: true }, { ord: 3 }]],
  [
    [3, 5],
    [{}, { axis: 0 }, { axis: 1, ord: 1 }, { axis: [0, 1], keepDims: true }, { axis: 1, ord: 0.5 }, { ord: 1.5 }],
  ],
  [
    [2, 3, 31],
    [{ axis: 1, ord: Infinity }, { axis: [0, 2] }, { axis: [2, 0], keepDims: true, ord: 4 }],
  ],
  [
    [4, 1, 67],
    [{ axis: 2 }, { axis: [0, 1], ord: 1 }],
  ],
  [[0, 3], [{ axis: 1 }]],
];

export const cases: Case<NormOptions>[] = table.flatMap(([shape, options]) =>
  options.map((attrs) => ({
    name: `[${shape.join()}] ord ${attrs.ord ?? 2}, axis ${String(attrs.axis)}`,
    inputs: [{ shape, values: "nonzero" }],
    attrs,
  })),
);

/** Cut into segments and into parts for several threads. */
export const large: Case<NormOptions>[] = [{}, { axis: 1, ord: 1 }, { axis: 1, ord: Infinity }, { ord: 3 }].map(
  (attrs) => ({
    name: `[3,70001] ord ${attrs.ord ?? 2}`,
    inputs: [{ shape: [3, 70001], values: "distinct" }],
    attrs,
    gradient: false,
    dtypes: ["float32", "float64"] as const,
  }),
);

export const special: Case<NormOptions>[] = [
  ...[1, 2, 3].map((ord) => ({
    name: `[0,3] ord ${ord}`,
    inputs: [{ shape: [0, 3] }],
    attrs: { axis: 0, ord },
    gradient: false,
  })),
  ...[1, 2, 3, Infinity].map((ord) => ({
    name: `NaN and infinities, ord ${ord}`,
    inputs: [{ shape: [3, 3], values: [1, NaN, 2, 3, -Infinity, 5, NaN, 2, 4] }],
    attrs: { axis: 1, ord },
    gradient: false,
    dtypes: ["float32", "float64"] as const,
  })),
];

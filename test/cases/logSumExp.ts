import type { ReduceOptions } from "nabla";
import type { Case } from "../support/check-op.js";
import { cases as reductions } from "./reduce.js";

export const cases: Case<ReduceOptions>[] = reductions.map((testCase) => ({
  ...testCase,
  inputs: [{ shape: testCase.inputs[0]!.shape }],
}));

/** Cut into segments and into parts for several threads. */
export const large: Case<ReduceOptions>[] = [{}, { axis: 0 }, { axis: 1 }].map((attrs) => ({
  name: `[3,70001] ${JSON.stringify(attrs)}`,
  inputs: [{ shape: [3, 70001] }],
  attrs,
  gradient: false,
  dtypes: ["float32", "float64"] as const,
}));

export const special: Case<ReduceOptions>[] = [
  ...[{}, { axis: 0 }].map((attrs) => ({
    name: `[0,3] ${JSON.stringify(attrs)}`,
    inputs: [{ shape: [0, 3] }],
    attrs,
    gradient: false,
  })),
  {
    name: "large and small",
    inputs: [{ shape: [2, 3], values: [1000, 999, -1000, -1000, -1001, -999] }],
    attrs: { axis: 1 },
  },
  {
    name: "infinities and NaN",
    inputs: [
      {
        shape: [5, 2],
        values: [-Infinity, -Infinity, Infinity, 3, -Infinity, Infinity, -Infinity, 2, NaN, -Infinity],
      },
    ],
    attrs: { axis: 1 },
    gradient: false,
    dtypes: ["float32", "float64"],
  },
];

import type { CumSumOptions } from "nabla";
import type { Case } from "../support/check-op.js";

interface Attributes extends CumSumOptions {
  readonly axis: number;
}

const forms: CumSumOptions[] = [{}, { exclusive: true }, { reverse: true }, { exclusive: true, reverse: true }];

export const cases: Case<Attributes>[] = (
  [
    [[1], 0],
    [[17], 0],
    [[3, 5], 0],
    [[3, 5], -1],
    [[19, 23], 1],
    [[2, 31, 3], 1],
    [[2, 3, 131], 1],
    [[0, 3], 0],
    [[3, 0], 0],
  ] as const
).flatMap(([shape, axis]) =>
  forms.map((form) => ({
    name: `[${shape.join()}] axis ${axis} ${JSON.stringify(form)}`,
    inputs: [{ shape }],
    attrs: { axis, ...form },
  })),
);

/** Cut into segments for several threads. */
export const large: Case<Attributes>[] = (
  [
    [[100_003], 0],
    [[2, 70_001], 1],
    [[40_009, 3], 0],
    [[1009, 157], 0],
  ] as const
).flatMap(([shape, axis]) =>
  forms.map((form) => ({
    name: `[${shape.join()}] axis ${axis} ${JSON.stringify(form)}`,
    inputs: [{ shape, values: "integers" }],
    attrs: { axis, ...form },
    gradient: false,
    dtypes: ["float32", "int32", "uint8"] as const,
  })),
);

export const special: Case<Attributes>[] = [
  {
    name: "NaN and Infinity",
    inputs: [{ shape: [2, 4], values: [1, Infinity, 2, -Infinity, 1, NaN, 2, 3] }],
    attrs: { axis: 1 },
    gradient: false,
    dtypes: ["float32", "float64"],
  },
];

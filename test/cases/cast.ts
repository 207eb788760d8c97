import type { DType } from "nabla";
import type { Case } from "../support/check-op.js";
import { sizes } from "./unary.js";

export const DTYPES: DType[] = ["float32", "float64", "int32", "uint8", "bool", "bfloat16", "float16"];

/** From every dtype (the one that is tested) to every other. */
export const cases: Case<DType>[] = DTYPES.flatMap((to) =>
  sizes.map((shape) => ({
    name: `[${shape.join()}] to ${to}`,
    inputs: [{ shape, values: "normal" }],
    attrs: to,
    gradient: to === "float64",
  })),
);

// Those of the second line are ties, or close to one, of float16 and of bfloat16, the others lie at the ends of their ranges.
// prettier-ignore
const values = [
  NaN, Infinity, -Infinity, 0, -0, 0.9, -0.9, 1e10, -1e10, 255.9, 256, -1, 2147483647,
  2049, 2051, 2049 + 2 ** -40, 2051 - 2 ** -40, 257, 259, 257 + 2 ** -40, 259 - 2 ** -40,
  65504, 65519.99, 65520, -65520, 2 ** -24, 2 ** -25, 3 * 2 ** -25, -(2 ** -26), 2 ** -133, 2 ** -134, 1e-300,
  (2 - 2 ** -7) * 2 ** 127, (2 - 2 ** -8) * 2 ** 127, 3.4e38, 1e300, -1e300,
];

export const specials: Case<DType>[] = DTYPES.map((to) => ({
  name: `special values to ${to}`,
  inputs: [{ shape: [values.length], values }],
  attrs: to,
  gradient: false,
  dtypes: ["float64"],
}));

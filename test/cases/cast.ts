import type { DType } from "nabla";
import type { Case } from "../support/check-op.js";
import { sizes } from "./unary.js";

const DTYPES: DType[] = ["float32", "float64", "int32", "uint8", "bool"];

/** From every dtype (the one that is tested) to every other. */
export const cases: Case<DType>[] = DTYPES.flatMap((to) =>
  sizes.map((shape) => ({
    name: `[${shape.join()}] to ${to}`,
    inputs: [{ shape, values: "normal" }],
    attrs: to,
    gradient: to === "float64",
  })),
);

const values = [NaN, Infinity, -Infinity, 0, -0, 0.9, -0.9, 1e10, -1e10, 255.9, 256, -1, 2147483647];

export const specials: Case<DType>[] = DTYPES.map((to) => ({
  name: `special values to ${to}`,
  inputs: [{ shape: [values.length], values }],
  attrs: to,
  gradient: false,
  dtypes: ["float64"],
}));

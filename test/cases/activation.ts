import { shapes, type Case } from "../support/check-op.js";
import { sizes } from "./unary.js";

/** Away from 0, where some of them have a kink. */
const table: Case[] = sizes.map((shape) => shapes({ shape, values: "nonzero" }));

function special(...values: number[]): Case {
  return {
    name: `special values ${values.join()}`,
    inputs: [{ shape: [values.length], values }],
    attrs: undefined,
    gradient: false,
    dtypes: ["float32", "float64"],
  };
}

const specials = special(NaN, Infinity, -Infinity, 0, -0, 1e-30, -1e-30, 1e38, -1e38);
const tails = special(5, -5, 12, -12, 20, -20, 88, -88, 89, -104, 700, -745);

export const cases: Case[] = [...table, specials, tails];

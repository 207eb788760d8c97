import { shapes, type Case } from "../support/check-op.js";
import type { Values } from "../support/values.js";

/** Sizes around the width of every vector register, primes, 0 and 1. */
export const sizes = [
  [],
  [0],
  [1],
  [2],
  [15],
  [16],
  [17],
  [31],
  [33],
  [67],
  [3, 5],
  [4, 33],
  [2, 3, 7],
  [0, 4],
] as const;

/** Shapes that programs use, for the benchmark. */
export const named = { "activations: 4096x768": [4096, 768] } as const;

function table(values: Values): Case[] {
  return sizes.map((shape) => shapes({ shape, values }));
}

/** What a special value becomes; compared in float32 and float64. */
function special(...values: number[]): Case {
  return {
    name: `special values ${values.join()}`,
    inputs: [{ shape: [values.length], values }],
    attrs: undefined,
    gradient: false,
    dtypes: ["float32", "float64"],
  };
}

const specials = special(NaN, Infinity, -Infinity, 0, -0, 1, -1, 1e-30, -1e-30);

// Halves, the largest float32 with a fraction, and numbers that have none.
const halves = special(0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999997, 8388607.5, -8388607.5, 16777217, 1e30);

export const cases = {
  neg: [...table("normal"), specials],
  abs: [...table("nonzero"), specials],
  sign: [...table("nonzero"), specials],
  square: [...table("normal"), specials],
  exp: [...table("normal"), specials, special(88, -87, 89, -104, 700)],
  log: [...table("positive"), specials, special(1e38, 2, 0.5)],
  sqrt: [...table("positive"), specials],
  rsqrt: [...table("positive"), specials],
  tanh: [...table("normal"), specials, special(20, -20, 9, 0.6, 1e-4)],
  sigmoid: [...table("normal"), specials, special(100, -100, -80, 17, -17)],
  relu: [...table("nonzero"), specials],
  expm1: [...table("normal"), specials, special(88, -87, 89, -104, 700)],
  log1p: [...table("positive"), specials, special(-0.5, -0.999, 1e38, -1.5)],
  sin: [...table("normal"), specials, special(3, 100, -1e6, 2 ** 21, 2 ** 100, -(2 ** 127))],
  cos: [...table("normal"), specials, special(3, 100, -1e6, 2 ** 21, 2 ** 100, -(2 ** 127))],
  erf: [...table("normal"), specials, special(0.999, 1.001, -3, 5, 1e38)],
  floor: [...table("nonzero"), specials, halves],
  ceil: [...table("nonzero"), specials, halves],
  round: [...table("nonzero"), specials, halves],
  isNaN: [...table("normal"), specials],
};

export const clipCases: Case<{ low: number | null; high: number | null }>[] = [
  { low: -0.504, high: 0.504 },
  { low: null, high: 0.254 },
  { low: 0.004, high: null },
  { low: null, high: null },
  { low: 1, high: 1 },
].flatMap((attrs) =>
  sizes.map((shape) => ({
    name: `[${shape.join()}] to ${attrs.low}..${attrs.high}`,
    inputs: [{ shape, values: "distinct" }],
    attrs,
  })),
);

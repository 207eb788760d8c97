import { shapes, type Case, type InputSpec } from "../support/check-op.js";
import type { Values } from "../support/values.js";

/** Pairs of shapes that broadcast: sizes around the width of every vector register, primes, 0 and 1. */
export const pairs = [
  [[], []],
  [[0], [0]],
  [[1], [1]],
  [[7], [7]],
  [[15], [15]],
  [[16], [16]],
  [[17], [17]],
  [[31], [31]],
  [[33], [33]],
  [[67], []],
  [[], [3, 5]],
  [[5, 3], [3]],
  [
    [4, 33],
    [4, 1],
  ],
  [
    [4, 1],
    [1, 17],
  ],
  [
    [2, 3, 5],
    [3, 1],
  ],
  [
    [2, 1, 5],
    [3, 1],
  ],
  [[0, 3], [3]],
  [
    [1, 1, 2, 3],
    [2, 2, 1, 1],
  ],
  [
    [3, 1, 2, 1, 2],
    [1, 2, 1, 3, 1],
  ],
] as const;

/** Shapes that programs use, for the benchmark. */
export const named = {
  "dispatch: 16 floats": [[16], [16]],
  "residual: 4096x768": [
    [4096, 768],
    [4096, 768],
  ],
  "bias: 4096x768 + 768": [[4096, 768], [768]],
} as const;

function table(a: Values, b: Values = a): Case[] {
  return pairs.map(([x, y]) => shapes({ shape: x, values: a }, { shape: y, values: b }));
}

const special = [NaN, Infinity, -Infinity, 0, -0, 1, -2.5, 3e38];
const specialInputs: InputSpec[] = [
  { shape: [8, 1], values: special },
  { shape: [8], values: special },
];

/** Every special value with every other one. */
export const specials: Case = {
  name: "special values",
  inputs: specialInputs,
  attrs: undefined,
  gradient: false,
  dtypes: ["float64"],
};

export const cases = {
  add: table("normal"),
  sub: table("normal"),
  mul: table("normal"),
  div: table("normal", "nonzero"),
  pow: table("positive", "normal"),
  maximum: table("distinct", "normal"),
  minimum: table("distinct", "normal"),
};

import { cases as maxima, large as largeMaxima, type PoolAttributes } from "./maxPool2d.js";
import type { Case } from "../support/check-op.js";

const drawn = ({ name, inputs, attrs, gradient }: Case<PoolAttributes>): Case<PoolAttributes> => ({
  name,
  inputs: inputs.map(({ shape }) => ({ shape })),
  attrs,
  ...(gradient === undefined ? {} : { gradient }),
});

export const cases: Case<PoolAttributes>[] = [
  ...maxima.map(drawn),
  ...(
    [
      [[1, 7, 9, 3], { poolSize: 3, strides: 2, padding: "same" }],
      [[1, 6, 7, 2], { poolSize: [4, 3], strides: [1, 2], padding: 1 }],
      [[1, 5, 5, 4], { poolSize: 5 }],
    ] as [readonly number[], PoolAttributes][]
  ).map(([shape, attrs]) => ({ name: `[${shape.join()}] ${JSON.stringify(attrs)}`, inputs: [{ shape }], attrs })),
];

/** Several tasks, with and without overlap. */
export const large: Case<PoolAttributes>[] = [
  ...largeMaxima.map(drawn),
  {
    name: "[2,23,25,33] overlapping",
    inputs: [{ shape: [2, 23, 25, 33] }],
    attrs: { poolSize: 3, strides: 2, padding: "same" },
    gradient: false,
  },
];

export const special: Case<PoolAttributes> = {
  name: "NaN and infinities stay in their windows",
  inputs: [{ shape: [1, 2, 8, 1], values: [1, NaN, 2, 3, 1, Infinity, 4, 5, 6, 7, 8, 9, -Infinity, 1, 1, -Infinity] }],
  attrs: { poolSize: 2 },
  gradient: false,
};

import type { Resize2dOptions } from "nabla";
import type { Case } from "../support/check-op.js";

export interface ResizeAttributes extends Resize2dOptions {
  readonly size: readonly [number, number];
}

const sizes: [readonly number[], readonly [number, number]][] = [
  [
    [1, 1, 1, 1],
    [1, 1],
  ],
  [
    [1, 1, 1, 2],
    [3, 4],
  ],
  [
    [2, 3, 4, 3],
    [6, 8],
  ],
  [
    [1, 4, 6, 2],
    [2, 3],
  ],
  [
    [1, 3, 5, 17],
    [7, 4],
  ],
  [
    [1, 7, 5, 1],
    [3, 11],
  ],
  [
    [1, 5, 7, 16],
    [5, 7],
  ],
  [
    [1, 13, 2, 3],
    [1, 1],
  ],
  [
    [0, 3, 3, 2],
    [5, 5],
  ],
  [
    [1, 3, 3, 0],
    [2, 2],
  ],
];

const row = (shape: readonly number[], attrs: ResizeAttributes): Case<ResizeAttributes> => ({
  name: `[${shape.join()}] ${JSON.stringify(attrs)}`,
  inputs: [{ shape }],
  attrs,
});

export const nearest = sizes.map(([shape, size]) => row(shape, { size, method: "nearest" }));

export const bilinear = [
  ...sizes.map(([shape, size]) => row(shape, { size })),
  ...sizes.map(([shape, size]) => row(shape, { size, alignCorners: true })),
  row([1, 3, 4, 5], { size: [6, 9], dataFormat: "channelsFirst" }),
];

/** Several tasks. */
export const large = [row([2, 15, 17, 33], { size: [40, 31] }), row([2, 40, 31, 33], { size: [15, 17] })].map(
  (testCase) => ({ ...testCase, gradient: false }),
);

/** What has no weight does not count: the same size, and every second pixel's place is a pixel. */
export const special: Case<ResizeAttributes>[] = [
  { ...row([1, 2, 3, 1], { size: [2, 3] }), inputs: [{ shape: [1, 2, 3, 1], values: [1, NaN, 2, Infinity, 3, 4] }] },
  {
    ...row([1, 1, 3, 1], { size: [1, 5], alignCorners: true }),
    inputs: [{ shape: [1, 1, 3, 1], values: [1, Infinity, 2] }],
  },
].map((testCase) => ({ ...testCase, name: `special ${testCase.name}`, gradient: false }));

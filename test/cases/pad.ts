import type { PadMode, PadWidths } from "nabla";
import type { Case } from "../support/check-op.js";

export interface PadAttributes {
  readonly widths: PadWidths;
  readonly mode?: PadMode;
  readonly value?: number;
}

const constant: [readonly number[], PadAttributes][] = [
  [[3], { widths: [[1, 2]] }],
  [[3], { widths: [[0, 0]] }],
  [[1], { widths: 3, value: 7 }],
  [[], { widths: 2 }],
  [[], { widths: [] }],
  [[0], { widths: [[2, 3]], value: 1 }],
  [[2, 3], { widths: 1, value: 5 }],
  [
    [2, 3],
    {
      widths: [
        [0, 2],
        [3, 0],
      ],
    },
  ],
  [
    [2, 0],
    {
      widths: [
        [1, 0],
        [0, 0],
      ],
    },
  ],
  [
    [2, 3, 5],
    {
      widths: [
        [1, 0],
        [0, 2],
        [2, 1],
      ],
      value: 2,
    },
  ],
  [
    [2, 1, 3, 2],
    {
      widths: [
        [0, 1],
        [1, 1],
        [0, 0],
        [0, 31],
      ],
    },
  ],
];

const mirrored: [readonly number[], PadWidths][] = [
  [[4], [[2, 3]]],
  [[3], [[5, 7]]],
  [[1], [[2, 2]]],
  [[], 2],
  [[2], [[0, 0]]],
  [[2, 3], 1],
  [
    [3, 4],
    [
      [0, 2],
      [3, 0],
    ],
  ],
  [
    [2, 0, 3],
    [
      [1, 1],
      [0, 0],
      [0, 2],
    ],
  ],
];

const modes: readonly PadMode[] = ["reflect", "symmetric", "edge"];

export const cases: Case<PadAttributes>[] = [
  ...constant,
  ...modes.flatMap((mode) => mirrored.map(([shape, widths]) => [shape, { widths, mode }] as const)),
].map(([shape, attrs]) => ({ name: `[${shape.join()}] ${JSON.stringify(attrs)}`, inputs: [{ shape }], attrs }));

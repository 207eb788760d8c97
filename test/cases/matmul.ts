import type { ActivationName } from "nabla";
import type { Case } from "../support/check-op.js";

export interface MatmulAttributes {
  /** The third input is a bias. */
  readonly bias?: boolean;
  readonly activation?: ActivationName;
}

const pairs: [readonly number[], readonly number[]][] = [
  [
    [1, 1],
    [1, 1],
  ],
  [
    [3, 5],
    [5, 2],
  ],
  [
    [1, 17],
    [17, 1],
  ],
  [
    [17, 1],
    [1, 33],
  ],
  [
    [1, 64],
    [64, 65],
  ],
  [
    [15, 16],
    [16, 17],
  ],
  [
    [31, 33],
    [33, 15],
  ],
  [
    [13, 7],
    [7, 67],
  ],
  [
    [67, 65],
    [65, 33],
  ],
  [
    [0, 3],
    [3, 2],
  ],
  [
    [2, 0],
    [0, 3],
  ],
  [
    [2, 3],
    [3, 0],
  ],
  [[5], [5]],
  [[5], [5, 3]],
  [[3, 5], [5]],
  [[2, 3, 5], [5]],
  [[5], [2, 5, 3]],
  [
    [2, 3, 5],
    [2, 5, 4],
  ],
  [
    [2, 3, 5],
    [5, 4],
  ],
  [
    [3, 5],
    [2, 5, 4],
  ],
  [
    [2, 1, 3, 5],
    [4, 5, 2],
  ],
  [
    [2, 1, 3, 4],
    [1, 3, 4, 2],
  ],
  [
    [0, 3, 5],
    [5, 4],
  ],
  [
    [3, 1, 2],
    [2, 3],
  ],
];

/** Square and tall products that programs and the benchmark use; too large for the naive gradient. */
export const named = {
  "64^3": [64, 64, 64],
  "128^3": [128, 128, 128],
  "256^3": [256, 256, 256],
  "512^3": [512, 512, 512],
  "1024^3": [1024, 1024, 1024],
  "2048^3": [2048, 2048, 2048],
  "512x768x3072": [512, 768, 3072],
  "4096x768x768": [4096, 768, 768],
  "1x4096x4096": [1, 4096, 4096],
  "32x1024x1024": [32, 1024, 1024],
} as const;

export const cases: Case<MatmulAttributes>[] = pairs.map(([a, b]) => ({
  name: `[${a.join()}] by [${b.join()}]`,
  inputs: [{ shape: a }, { shape: b }],
  attrs: {},
}));

/** Beyond the blocks of the packed algorithm in every direction. */
export const large: Case<MatmulAttributes>[] = [
  [129, 130, 131],
  [37, 521, 49],
  [300, 3, 271],
].map(([m, k, n]) => ({
  name: `${m}x${k}x${n}`,
  inputs: [{ shape: [m!, k!] }, { shape: [k!, n!] }],
  attrs: {},
  gradient: false,
}));

/** With bias and activation; their kinks are away from the values. */
export const fused: Case<MatmulAttributes>[] = (["none", "relu", "sigmoid", "tanh"] as const).flatMap((activation) =>
  [true, false].flatMap((bias) =>
    [
      [
        [3, 5],
        [5, 4],
      ],
      [
        [17, 7],
        [7, 33],
      ],
      [
        [2, 3, 5],
        [5, 17],
      ],
      [
        [2, 3, 5],
        [2, 5, 4],
      ],
      [
        [1, 5],
        [5, 1],
      ],
    ].map(([a, b]) => ({
      name: `[${a!.join()}] by [${b!.join()}], ${bias ? "bias, " : ""}${activation}`,
      inputs: [{ shape: a! }, { shape: b! }, ...(bias ? [{ shape: [b!.at(-1)!] }] : [])],
      attrs: { bias, activation },
    })),
  ),
);

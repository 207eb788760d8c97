import type { MatmulActivationName } from "nabla";
import type { Case } from "../support/check-op.js";

export interface MatmulAttributes {
  /** The third input is a bias. */
  readonly bias?: boolean;
  readonly activation?: MatmulActivationName;
  /** The last input is a residual. */
  readonly residual?: boolean;
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

/** Beyond a block of the vectors, with odd inner sizes. */
const largePairs: typeof pairs = [
  [
    [1, 201],
    [201, 130],
  ],
  [
    [33, 129],
    [129, 65],
  ],
  [
    [2, 15, 77],
    [2, 77, 35],
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
export const fused: Case<MatmulAttributes>[] = (["none", "relu", "sigmoid", "tanh", "gelu"] as const).flatMap(
  (activation) =>
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

/** With a residual too, for all forms of a result. */
export const residuals: Case<MatmulAttributes>[] = (["none", "relu", "sigmoid", "tanh", "gelu"] as const).flatMap(
  (activation) =>
    [true, false].flatMap((bias) =>
      [
        [
          [3, 5],
          [5, 4],
          [3, 4],
        ],
        [
          [17, 7],
          [7, 33],
          [17, 33],
        ],
        [[5], [5, 3], [3]],
        [[2, 3, 5], [5], [2, 3]],
        [
          [2, 3, 5],
          [5, 17],
          [2, 3, 17],
        ],
        [
          [3, 5],
          [2, 5, 4],
          [2, 3, 4],
        ],
        [
          [2, 0],
          [0, 3],
          [2, 3],
        ],
      ]
        .filter(([, b]) => !bias || b!.length > 1)
        .map(([a, b, residual]) => ({
          name: `[${a!.join()}] by [${b!.join()}], ${bias ? "bias, " : ""}${activation}, residual`,
          inputs: [{ shape: a! }, { shape: b! }, ...(bias ? [{ shape: [b!.at(-1)!] }] : []), { shape: residual! }],
          attrs: { bias, activation, residual: true },
        })),
    ),
);

/** Operands of 16 bits; without a gradient of their own. */
export const halves: Case<MatmulAttributes>[] = (
  [
    ["bfloat16", "bfloat16"],
    ["float16", "float16"],
    ["bfloat16", "float32"],
    ["float32", "bfloat16"],
    ["float32", "float16"],
    ["float16", "bfloat16"],
  ] as const
).flatMap(([left, right]) =>
  [...pairs, ...largePairs].map(([a, b]) => ({
    name: `[${a.join()}] of ${left} by [${b.join()}] of ${right}`,
    inputs: [
      { shape: a, dtype: left },
      { shape: b, dtype: right },
    ],
    attrs: {},
    gradient: false,
    dtypes: ["float32"] as const,
  })),
);

import type { Case } from "../support/check-op.js";

export interface TriangleAttributes {
  readonly op: "tril" | "triu";
  readonly k: number;
}

const shapes: (readonly number[])[] = [
  [1, 1],
  [3, 3],
  [3, 5],
  [7, 2],
  [0, 3],
  [3, 0],
  [2, 3, 3],
  [2, 1, 3, 17],
];

export const cases: Case<TriangleAttributes>[] = shapes.flatMap((shape) =>
  (["tril", "triu"] as const).flatMap((op) =>
    [0, 1, -1, 3, -100, 100].map((k) => ({
      name: `[${shape.join()}], k ${k}`,
      inputs: [{ shape }],
      attrs: { op, k },
    })),
  ),
);

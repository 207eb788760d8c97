import { samplePlaces, values } from "../harness/inputs.js";
import type { Case } from "./case.js";

export interface MatmulParams {
  m: number;
  n: number;
  k: number;
  transposeA: boolean;
  transposeB: boolean;
  [key: string]: number | boolean;
}

/** nn: a [m, k] @ b [k, n]; nt: b is the transpose of a stored [n, k]; tn: a is the transpose of a stored [k, m]. */
function matmul(m: number, k: number, n: number, form: "nn" | "nt" | "tn" = "nn"): Case {
  const params: MatmulParams = { m, n, k, transposeA: form === "tn", transposeB: form === "nt" };
  return {
    stem: "matmul",
    name: `matmul ${m}x${k}x${n} ${form}`,
    params,
    flops: 2 * m * n * k,
    // A float32 sum of k products in any order is off by some k^(1/2) rounding errors of 6e-8.
    tolerance: 1e-5,
    reference: () => [reference(params)],
  };
}

function reference({ m, n, k, transposeA, transposeB }: MatmulParams): number[] {
  const a = values(1, m * k);
  const b = values(2, k * n);
  return samplePlaces(m * n).map((place) => {
    const row = Math.floor(place / n);
    const column = place % n;
    let sum = 0;
    for (let i = 0; i < k; i++) {
      sum += a[transposeA ? i * m + row : row * k + i]! * b[transposeB ? column * k + i : i * n + column]!;
    }
    return sum;
  });
}

export const cases: Case[] = [
  matmul(64, 64, 64),
  matmul(128, 128, 128),
  matmul(256, 256, 256),
  matmul(512, 512, 512),
  matmul(1024, 1024, 1024),
  matmul(512, 768, 3072, "nn"),
  matmul(512, 768, 3072, "nt"),
  matmul(512, 768, 3072, "tn"),
  matmul(4096, 768, 768, "nn"),
  matmul(4096, 768, 768, "nt"),
  matmul(4096, 768, 768, "tn"),
  matmul(1, 4096, 4096),
  matmul(32, 1024, 1024),
];

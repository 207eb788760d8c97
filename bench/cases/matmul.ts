import { asBfloat16, samplePlaces, values } from "../harness/inputs.js";
import { FLOAT, type Case, type Work } from "./case.js";
import { targets } from "./targets.js";

export interface MatmulParams {
  /** Products at once: a [batch, m, k] @ b [batch, k, n]. 1 means matrices without that axis. */
  batch: number;
  m: number;
  n: number;
  k: number;
  transposeA: boolean;
  transposeB: boolean;
  dtype: "float32" | "bfloat16";
  [key: string]: number | boolean | string;
}

type Options = Partial<Pick<MatmulParams, "batch" | "dtype">> & { form?: "nn" | "nt" | "tn" };

/** nn: a [m, k] @ b [k, n]; nt: b is the transpose of a stored [n, k]; tn: a is the transpose of a stored [k, m]. */
function matmul(m: number, k: number, n: number, { form = "nn", batch = 1, dtype = "float32" }: Options = {}): Case {
  const params: MatmulParams = { batch, m, n, k, transposeA: form === "tn", transposeB: form === "nt", dtype };
  const flops = 2 * batch * m * n * k;
  const work: Work =
    m === 1 ? { bytes: FLOAT * (k + k * n + n), peak: "read" } : { flops, peak: dtype === "bfloat16" ? "bf16" : "fma" };
  return {
    stem: "matmul",
    name: `${dtype === "bfloat16" ? "bf16 " : ""}matmul ${batch > 1 ? `${batch} of ` : ""}${m}x${k}x${n} ${form}`,
    params,
    work,
    target: batch > 1 || flops <= 2 * 256 ** 3 ? targets.smallGemm : targets.gemm,
    // A float32 sum of k products in any order is off by some k^(1/2) rounding errors of 6e-8. The products of two
    // bfloat16 are exact in float32, and the reference begins with the rounded inputs.
    tolerance: 1e-5,
    // Its result is bfloat16, of 8 significant bits: half a unit in the last place is up to 2^-8 of the value.
    toleranceOf: dtype === "bfloat16" ? { pytorch: 2 ** -8 + 1e-5 } : undefined,
    reference: () => [reference(params)],
  };
}

function reference({ batch, m, n, k, transposeA, transposeB, dtype }: MatmulParams): number[] {
  const rounded = dtype === "bfloat16" ? asBfloat16 : (array: Float32Array): Float32Array => array;
  const a = rounded(values(1, batch * m * k));
  const b = rounded(values(2, batch * k * n));
  return samplePlaces(batch * m * n).map((place) => {
    const item = Math.floor(place / (m * n));
    const row = Math.floor(place / n) % m;
    const column = place % n;
    const [aStart, bStart] = [item * m * k, item * k * n];
    let sum = 0;
    for (let i = 0; i < k; i++) {
      sum +=
        a[aStart + (transposeA ? i * m + row : row * k + i)]! *
        b[bStart + (transposeB ? column * k + i : i * n + column)]!;
    }
    return sum;
  });
}

const forms = ["nn", "nt", "tn"] as const;

export const cases: Case[] = [
  matmul(64, 64, 64),
  matmul(128, 128, 128),
  matmul(256, 256, 256),
  matmul(512, 512, 512),
  matmul(1024, 1024, 1024),
  matmul(2048, 2048, 2048),
  ...forms.map((form) => matmul(512, 768, 3072, { form })),
  ...forms.map((form) => matmul(4096, 768, 768, { form })),
  matmul(1, 4096, 4096),
  matmul(32, 1024, 1024),
  matmul(128, 64, 128, { batch: 96 }),
  matmul(512, 512, 512, { dtype: "bfloat16" }),
  matmul(1024, 1024, 1024, { dtype: "bfloat16" }),
  matmul(512, 768, 3072, { dtype: "bfloat16" }),
];

import { tensor } from "nabla";
import type { MatmulParams } from "../../cases/matmul.js";
import { sample, values } from "../../harness/inputs.js";
import type { Subject } from "../../harness/serve.js";
import { fence } from "./fence.js";

export function matmul({ m, n, k, transposeA, transposeB }: MatmulParams): Subject {
  const a = tensor(values(1, m * k), { shape: transposeA ? [k, m] : [m, k] });
  const b = tensor(values(2, k * n), { shape: transposeB ? [n, k] : [k, n] });
  const left = transposeA ? a.transpose() : a;
  const right = transposeB ? b.transpose() : b;
  return {
    output: () => [sample(left.matmul(right).dataSync())],
    run(iterations) {
      for (let i = 0; i < iterations; i++) left.matmul(right).dispose();
      fence();
    },
  };
}

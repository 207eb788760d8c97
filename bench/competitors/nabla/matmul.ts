import { tensor, type Tensor } from "nabla";
import type { MatmulParams } from "../../cases/matmul.js";
import { sample, values } from "../../harness/inputs.js";
import type { Subject } from "../../harness/serve.js";
import { fence } from "./fence.js";

export function matmul({ batch, m, n, k, transposeA, transposeB, dtype }: MatmulParams): Subject {
  const operand = (seed: number, rows: number, columns: number, transposed: boolean): Tensor => {
    const stored = transposed ? [columns, rows] : [rows, columns];
    const shape = batch > 1 ? [batch, ...stored] : stored;
    const array: Tensor = tensor(values(seed, batch * rows * columns), { shape }).cast(dtype);
    return transposed ? array.transpose() : array;
  };
  const a = operand(1, m, k, transposeA);
  const b = operand(2, k, n, transposeB);
  const step = (): Tensor => a.matmul(b);
  return {
    output: () => [sample(step().dataSync())],
    run(iterations) {
      for (let i = 0; i < iterations; i++) step().dispose();
      fence();
    },
  };
}

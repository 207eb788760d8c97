import { logSoftmax, softmax as ofRow, tensor, type Tensor } from "nabla";
import { LIMIT, type SoftmaxParams } from "../../cases/softmax.js";
import { sample, values } from "../../harness/inputs.js";
import type { Subject } from "../../harness/serve.js";
import { fence } from "./fence.js";

export function softmax({ op, rows, columns, backward }: SoftmaxParams): Subject {
  const shape = [rows, columns];
  const x = tensor(values(1, rows * columns, LIMIT), { shape, requiresGrad: backward });
  const dy = tensor(values(2, rows * columns), { shape });
  const compute = op === "softmax" ? ofRow : logSoftmax;

  function step(): Tensor {
    x.grad?.dispose();
    x.grad = null;
    const y = compute(x);
    if (backward) y.backward(dy);
    return y;
  }

  return {
    output() {
      const y = step();
      return (backward ? [y, x.grad!] : [y]).map((result) => sample(result.dataSync()));
    },
    run(iterations) {
      for (let i = 0; i < iterations; i++) step().dispose();
      fence();
    },
  };
}

import { layerNorm as normalize, tensor, type Tensor } from "nabla";
import { EPSILON, type LayerNormParams } from "../../cases/layerNorm.js";
import { sample, values } from "../../harness/inputs.js";
import type { Subject } from "../../harness/serve.js";
import { fence } from "./fence.js";

export function layerNorm({ rows, columns, backward }: LayerNormParams): Subject {
  const shape = [rows, columns];
  const x = tensor(values(1, rows * columns), { shape, requiresGrad: backward });
  const gamma = tensor(values(2, columns), { requiresGrad: backward });
  const beta = tensor(values(3, columns), { requiresGrad: backward });
  const dy = tensor(values(4, rows * columns), { shape });
  const leaves = backward ? [x, gamma, beta] : [];

  function step(): Tensor {
    for (const leaf of leaves) {
      leaf.grad?.dispose();
      leaf.grad = null;
    }
    const y = normalize(x, gamma, beta, { epsilon: EPSILON });
    if (backward) y.backward(dy);
    return y;
  }

  return {
    output() {
      const y = step();
      return [y, ...leaves.map((leaf) => leaf.grad!)].map((result) => sample(result.dataSync()));
    },
    run(iterations) {
      for (let i = 0; i < iterations; i++) step().dispose();
      fence();
    },
  };
}

import { tensor, type Tensor } from "nabla";
import { LIMIT, type ActivationParams } from "../../cases/activation.js";
import { sample, values } from "../../harness/inputs.js";
import type { Subject } from "../../harness/serve.js";
import { fence } from "./fence.js";

export function activation({ rows, columns, add, backward }: ActivationParams): Subject {
  const shape = [rows, columns];
  const input = (seed: number): Tensor =>
    tensor(values(seed, rows * columns, LIMIT), { shape, requiresGrad: backward });
  const inputs = add ? [input(1), input(2)] : [input(1)];
  const dy = tensor(values(3, rows * columns), { shape });

  function step(): Tensor {
    for (const leaf of inputs) {
      leaf.grad?.dispose();
      leaf.grad = null;
    }
    if (!add) {
      const result = inputs[0]!.gelu();
      if (backward) result.backward(dy);
      return result;
    }
    const result = inputs[0]!.add(inputs[1]!, { activation: "relu" });
    if (backward) result.backward(dy);
    return result;
  }

  return {
    output() {
      const y = step();
      const gradients = backward ? inputs.map((leaf) => leaf.grad!) : [];
      return [y, ...gradients].map((result) => sample(result.dataSync()));
    },
    run(iterations) {
      for (let i = 0; i < iterations; i++) step().dispose();
      fence();
    },
  };
}

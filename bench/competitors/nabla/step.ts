import { tensor, type Tensor } from "nabla";
import { sample, values } from "../../harness/inputs.js";
import type { Subject } from "../../harness/serve.js";
import { fence } from "./fence.js";

export function input(seed: number, shape: readonly number[], requiresGrad = false): Tensor {
  const count = shape.reduce((a, b) => a * b, 1);
  return tensor(values(seed, count), { shape, requiresGrad });
}

/** One op: `forward` makes y, and with `dy` the gradients of `leaves` are computed. They are the outputs in this order. */
export function stepOf(forward: () => Tensor, leaves: readonly Tensor[] = [], dy?: Tensor): Subject {
  function step(): Tensor {
    for (const leaf of leaves) {
      leaf.grad?.dispose();
      leaf.grad = null;
    }
    const y = forward();
    if (dy) y.backward(dy);
    return y;
  }

  return {
    output() {
      const y = step();
      const gradients = dy ? leaves.map((leaf) => leaf.grad!) : [];
      return [y, ...gradients].map((result) => sample(result.dataSync()));
    },
    run(iterations) {
      for (let i = 0; i < iterations; i++) step().dispose();
      fence();
    },
  };
}

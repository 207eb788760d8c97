import { tensor, type Tensor } from "nabla";
import type { Pool2dParams } from "../../cases/pool2d.js";
import { sample, values } from "../../harness/inputs.js";
import type { Subject } from "../../harness/serve.js";
import { fence } from "./fence.js";

/** A pooling with windows of 2x2, by its function. */
export function pool2d(pool: (x: Tensor) => Tensor, params: Pool2dParams): Subject {
  const { batch, size, channels, backward } = params;
  const xShape = [batch, size, size, channels];
  const yShape = [batch, size / 2, size / 2, channels];
  const count = (shape: number[]): number => shape.reduce((a, b) => a * b, 1);
  const x = tensor(values(1, count(xShape)), { shape: xShape, requiresGrad: backward });
  const dy = tensor(values(2, count(yShape)), { shape: yShape });

  function step(): Tensor {
    x.grad?.dispose();
    x.grad = null;
    const y = pool(x);
    if (backward) y.backward(dy);
    return y;
  }

  return {
    output() {
      const y = step();
      return [y, ...(backward ? [x.grad!] : [])].map((result) => sample(result.dataSync()));
    },
    run(iterations) {
      for (let i = 0; i < iterations; i++) step().dispose();
      fence();
    },
  };
}

import { embedding as embed, tensor, type Tensor } from "nabla";
import type { EmbeddingParams } from "../../cases/embedding.js";
import { labels, sample, values } from "../../harness/inputs.js";
import type { Subject } from "../../harness/serve.js";
import { fence } from "./fence.js";

export function embedding({ count, rows, size, backward }: EmbeddingParams): Subject {
  const table = tensor(values(1, rows * size), { shape: [rows, size], requiresGrad: backward });
  const indices = tensor(labels(2, count, rows));
  const dy = tensor(values(3, count * size), { shape: [count, size] });

  function step(): Tensor {
    table.grad?.dispose();
    table.grad = null;
    const y = embed(indices, table);
    if (backward) y.backward(dy);
    return y;
  }

  return {
    output() {
      const y = step();
      return [y, ...(backward ? [table.grad!] : [])].map((result) => sample(result.dataSync()));
    },
    run(iterations) {
      for (let i = 0; i < iterations; i++) step().dispose();
      fence();
    },
  };
}

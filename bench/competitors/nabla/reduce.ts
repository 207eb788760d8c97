import { tensor, type Tensor } from "nabla";
import type { ReduceParams } from "../../cases/reduce.js";
import { sample, values } from "../../harness/inputs.js";
import type { Subject } from "../../harness/serve.js";
import { fence } from "./fence.js";

export function reduce({ op, rows, columns, axis }: ReduceParams): Subject {
  const x = tensor(values(1, rows * columns), { shape: [rows, columns] });
  const step = (): Tensor => x[op]({ axis: axis < 0 ? null : axis });
  return {
    output: () => [sample(step().dataSync())],
    run(iterations) {
      for (let i = 0; i < iterations; i++) step().dispose();
      fence();
    },
  };
}

import { tensor, type Tensor } from "nabla";
import type { DispatchParams } from "../../cases/dispatch.js";
import { sample, values } from "../../harness/inputs.js";
import type { Subject } from "../../harness/serve.js";

/** As a user writes it: the results in between are not disposed of, and every chain's result is read. */
export function dispatch({ adds, size }: DispatchParams): Subject {
  const first = tensor(values(1, size));
  const y = tensor(values(2, size));

  function chain(): Float32Array {
    let x: Tensor = first;
    for (let i = 0; i < adds; i++) x = x.add(y);
    return x.dataSync() as Float32Array;
  }

  return {
    output: () => [sample(chain())],
    run(iterations) {
      for (let i = 0; i < iterations; i++) chain();
    },
  };
}

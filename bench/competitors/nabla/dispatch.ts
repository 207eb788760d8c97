import { tensor, type Tensor } from "nabla";
import type { DispatchParams } from "../../cases/dispatch.js";
import { sample, values } from "../../harness/inputs.js";
import type { Subject } from "../../harness/serve.js";

/** As a user writes it: the results in between are not disposed of, and every chain's result is read. */
export function dispatch({ adds, size, pass }: DispatchParams): Subject {
  const first: Tensor = tensor(values(1, size), { requiresGrad: pass !== "plain" });
  const y = tensor(values(2, size));
  const ones = tensor(new Float32Array(size).fill(1));

  function chain(): Float32Array[] {
    let x = first;
    for (let i = 0; i < adds; i++) x = x.add(y);
    const outputs = [x];
    if (pass === "backward") {
      first.grad = null;
      x.backward(ones);
      outputs.push(first.grad!);
    }
    return outputs.map((output) => output.dataSync() as Float32Array);
  }

  return {
    output: () => chain().map(sample),
    run(iterations) {
      for (let i = 0; i < iterations; i++) chain();
    },
  };
}

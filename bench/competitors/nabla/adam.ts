import { optimizers, tensor } from "nabla";
import { RATE, adamSeeds, type AdamParams } from "../../cases/adam.js";
import { sample, values } from "../../harness/inputs.js";
import type { Subject } from "../../harness/serve.js";
import { fence } from "./fence.js";

export function adam(params: AdamParams): Subject {
  const { tensors, size } = params;
  const parameters = Array.from({ length: tensors }, (_, i) => {
    const parameter = tensor(values(1 + i, size), { requiresGrad: true });
    parameter.grad = tensor(values(1 + i + tensors, size));
    return parameter;
  });
  const optimizer = new optimizers.Adam({ learningRate: RATE, parameters });
  return {
    output() {
      optimizer.step();
      optimizer.step();
      return adamSeeds(params).map((seed) => sample(parameters[seed - 1]!.dataSync()));
    },
    run(iterations) {
      for (let i = 0; i < iterations; i++) optimizer.step();
      fence();
    },
    dispose() {
      optimizer.reset();
      optimizer.zeroGrad();
      for (const parameter of parameters) parameter.dispose();
    },
  };
}

import { gru as run, tensor } from "nabla";
import { gruInputs, type GruParams } from "../../cases/gru.js";
import type { Subject } from "../../harness/serve.js";
import { stepOf } from "./step.js";

export function gru(params: GruParams): Subject {
  const { batch, steps, inputs, units, backward: requiresGrad } = params;
  const given = gruInputs(params);
  const x = tensor(given.x, { shape: [batch, steps, inputs], requiresGrad });
  const kernel = tensor(given.kernel, { shape: [inputs, 3 * units], requiresGrad });
  const recurrentKernel = tensor(given.recurrentKernel, { shape: [units, 3 * units], requiresGrad });
  const bias = tensor(given.bias, { shape: [2, 3 * units], requiresGrad });
  return stepOf(
    () => run(x, kernel, recurrentKernel, bias, { returnSequences: true }),
    [x, kernel, recurrentKernel, bias],
    requiresGrad ? tensor(given.dy, { shape: [batch, steps, units] }) : undefined,
  );
}

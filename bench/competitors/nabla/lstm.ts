import { lstm as run, tensor } from "nabla";
import { lstmInputs, type LstmParams } from "../../cases/lstm.js";
import type { Subject } from "../../harness/serve.js";
import { stepOf } from "./step.js";

export function lstm(params: LstmParams): Subject {
  const { batch, steps, inputs, units, backward: requiresGrad } = params;
  const given = lstmInputs(params);
  const x = tensor(given.x, { shape: [batch, steps, inputs], requiresGrad });
  const kernel = tensor(given.kernel, { shape: [inputs, 4 * units], requiresGrad });
  const recurrentKernel = tensor(given.recurrentKernel, { shape: [units, 4 * units], requiresGrad });
  const bias = tensor(given.bias, { requiresGrad });
  return stepOf(
    () => run(x, kernel, recurrentKernel, bias, { returnSequences: true }),
    [x, kernel, recurrentKernel, bias],
    requiresGrad ? tensor(given.dy, { shape: [batch, steps, units] }) : undefined,
  );
}

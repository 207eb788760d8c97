import { tensor, type Tensor } from "nabla";
import { recurrentInputs, type RecurrentParams } from "../../cases/recurrent.js";
import type { Subject } from "../../harness/serve.js";
import { stepOf } from "./step.js";

type Layer = (
  x: Tensor,
  kernel: Tensor,
  recurrentKernel: Tensor,
  bias: Tensor,
  options: { returnSequences: true },
) => Tensor;

export function recurrent(layer: Layer, params: RecurrentParams): Subject {
  const { batch, steps, inputs, units, gates, biasRows, backward: requiresGrad } = params;
  const given = recurrentInputs(params);
  const width = gates * units;
  const x = tensor(given.x, { shape: [batch, steps, inputs], requiresGrad });
  const kernel = tensor(given.kernel, { shape: [inputs, width], requiresGrad });
  const recurrentKernel = tensor(given.recurrentKernel, { shape: [units, width], requiresGrad });
  const bias = tensor(given.bias, { shape: biasRows > 1 ? [biasRows, width] : [width], requiresGrad }) as Tensor;
  return stepOf(
    () => layer(x, kernel, recurrentKernel, bias, { returnSequences: true }),
    [x, kernel, recurrentKernel, bias],
    requiresGrad ? tensor(given.dy, { shape: [batch, steps, units] }) : undefined,
  );
}

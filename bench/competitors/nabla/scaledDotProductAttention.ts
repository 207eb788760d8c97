import { scaledDotProductAttention as attend, tensor, type Tensor } from "nabla";
import type { AttentionParams } from "../../cases/scaledDotProductAttention.js";
import { values } from "../../harness/inputs.js";
import type { Subject } from "../../harness/serve.js";
import { stepOf } from "./step.js";

export function scaledDotProductAttention(params: AttentionParams): Subject {
  const { batch, heads, length, size, causal, backward } = params;
  const input = (seed: number): Tensor => {
    const shape = [batch, length, heads, size];
    return tensor(values(seed, batch * length * heads * size), { shape }).permute([0, 2, 1, 3]) as Tensor;
  };
  const [q, k, v] = [input(1), input(2), input(3)];
  for (const leaf of [q, k, v]) leaf.requiresGrad = backward;
  return stepOf(() => attend(q, k, v, { causal }), [q, k, v], backward ? input(4) : undefined);
}

import { layerNorm as normalize } from "nabla";
import { EPSILON, type LayerNormParams } from "../../cases/layerNorm.js";
import type { Subject } from "../../harness/serve.js";
import { input, stepOf } from "./step.js";

export function layerNorm({ rows, columns, backward }: LayerNormParams): Subject {
  const x = input(1, [rows, columns], backward);
  const gamma = input(2, [columns], backward);
  const beta = input(3, [columns], backward);
  const dy = backward ? input(4, [rows, columns]) : undefined;
  return stepOf(() => normalize(x, gamma, beta, { epsilon: EPSILON }), [x, gamma, beta], dy);
}

import { rmsNorm as normalize } from "nabla";
import { EPSILON, type RmsNormParams } from "../../cases/rmsNorm.js";
import type { Subject } from "../../harness/serve.js";
import { input, stepOf } from "./step.js";

export function rmsNorm({ rows, columns, backward }: RmsNormParams): Subject {
  const x = input(1, [rows, columns], backward);
  const gamma = input(2, [columns], backward);
  const dy = backward ? input(3, [rows, columns]) : undefined;
  return stepOf(() => normalize(x, gamma, { epsilon: EPSILON }), [x, gamma], dy);
}

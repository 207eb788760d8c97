import { batchNorm as normalize, batchNormTraining, tensor, tidy } from "nabla";
import { EPSILON, LIMIT, type BatchNormParams } from "../../cases/batchNorm.js";
import { values } from "../../harness/inputs.js";
import type { Subject } from "../../harness/serve.js";
import { input, stepOf } from "./step.js";

const options = { epsilon: EPSILON };

export function batchNorm({ batch, size, channels, backward }: BatchNormParams): Subject {
  const shape = [batch, size, size, channels];
  const x = input(1, shape, backward);
  const gamma = input(2, [channels], backward);
  const beta = input(3, [channels], backward);
  if (!backward) {
    const mean = tensor(values(4, channels, LIMIT));
    const variance = tensor(values(5, channels, LIMIT).map((v) => v + 1));
    return stepOf(() => normalize(x, mean, variance, gamma, beta, options));
  }
  const forward = () => tidy(() => batchNormTraining(x, gamma, beta, options).y);
  return stepOf(forward, [x, gamma, beta], input(6, shape));
}

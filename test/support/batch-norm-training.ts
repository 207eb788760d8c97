import { batchNorm, mean, square, type Tensor } from "nabla";

/** Batch normalization as a layer in training does it: with the statistics of x itself, which have gradients too. */
export function batchNormTraining(x: Tensor, gamma: Tensor, beta: Tensor, epsilon: number): Tensor {
  const axis = Array.from({ length: x.rank - 1 }, (_, i) => i);
  const average = mean(x, { axis });
  const variance = mean(square(x.sub(average)), { axis });
  return batchNorm(x, average, variance, gamma, beta, { epsilon });
}

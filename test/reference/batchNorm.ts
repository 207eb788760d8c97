import type { Nd } from "./nd.js";

export interface BatchNormAttributes {
  readonly epsilon: number;
  /** Which of gamma and beta follow x, mean and variance among the inputs. */
  readonly gamma: boolean;
  readonly beta: boolean;
}

export function batchNorm(
  [x, mean, variance, ...rest]: readonly Nd[],
  { epsilon, gamma, beta }: BatchNormAttributes,
): Nd {
  const channels = x!.shape.at(-1)!;
  const scale = gamma ? rest[0] : undefined;
  const shift = beta ? rest[Number(gamma)] : undefined;
  const data = x!.data.map((value, i) => {
    const c = i % channels;
    const z = (value - mean!.data[c]!) / Math.sqrt(variance!.data[c]! + epsilon);
    return z * (scale?.data[c] ?? 1) + (shift?.data[c] ?? 0);
  });
  return { shape: x!.shape, data };
}

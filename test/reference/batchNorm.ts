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

/** The mean and the variance of each channel, over all other axes. */
export function channelMoments({ shape, data }: Nd): [Nd, Nd] {
  const channels = shape.at(-1)!;
  const count = data.length / channels;
  const average = (of: (i: number) => number): Float64Array => {
    const sums = new Float64Array(channels);
    for (let i = 0; i < data.length; i++) sums[i % channels]! += of(i) / count;
    return sums;
  };
  const mean = average((i) => data[i]!);
  const variance = average((i) => (data[i]! - mean[i % channels]!) ** 2);
  return [
    { shape: [channels], data: mean },
    { shape: [channels], data: variance },
  ];
}

export function batchNormTraining([x, ...rest]: readonly Nd[], attrs: BatchNormAttributes): Nd {
  return batchNorm([x!, ...channelMoments(x!), ...rest], attrs);
}

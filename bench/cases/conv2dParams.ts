/** Square images and kernels, with bias. */
export interface Conv2dParams {
  batch: number;
  size: number;
  inChannels: number;
  outChannels: number;
  kernel: number;
  stride: number;
  /** Pixels of zeros on each side. */
  pad: number;
  backward: boolean;
  inputGradient: boolean;
  [key: string]: number | boolean;
}

/** The side of the result. */
export function resultSize({ size, kernel, stride, pad }: Conv2dParams): number {
  return Math.floor((size + 2 * pad - kernel) / stride) + 1;
}

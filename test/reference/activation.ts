import type { ActivationName } from "nabla";

/** The fused activations of matmul and conv2d, and their slopes as functions of their results. */
export const activation: Readonly<Record<ActivationName, (z: number) => number>> = {
  none: (z) => z,
  relu: (z) => (z < 0 ? 0 : z),
  sigmoid: (z) => 1 / (1 + Math.exp(-z)),
  tanh: Math.tanh,
};

export const slope: Readonly<Record<ActivationName, (y: number) => number>> = {
  none: () => 1,
  relu: (y) => Number(y > 0),
  sigmoid: (y) => y * (1 - y),
  tanh: (y) => 1 - y * y,
};

import type { ActivationName } from "nabla";
import { elementwise } from "./nd.js";
import { erf } from "./unary.js";

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

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
/** x p(x), 0 at -Infinity. */
const gated = (p: (x: number) => number) => (x: number) => (x === -Infinity ? 0 : x * p(x));
const SELU = { scale: 1.0507009873554805, alpha: 1.6732632423543772 };

/** The activations that are ops of their own. */
const functions = {
  leakyRelu: (x: number, negativeSlope = 0.2) => (x > 0 ? x : negativeSlope * x),
  elu: (x: number, alpha = 1) => (x > 0 ? x : alpha * Math.expm1(x)),
  selu: (x: number) => SELU.scale * (x > 0 ? x : SELU.alpha * Math.expm1(x)),
  silu: gated(sigmoid),
  gelu: gated((x) => (1 + erf(x / Math.SQRT2)) / 2),
  geluByTanh: gated((x) => (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))) / 2),
  softplus: (x: number) => (x > 40 ? x : Math.log1p(Math.exp(x))),
};

export const { gelu } = functions;

export const reference = {
  leakyRelu: (negativeSlope?: number) => elementwise((x) => functions.leakyRelu(x, negativeSlope)),
  elu: (alpha?: number) => elementwise((x) => functions.elu(x, alpha)),
  selu: () => elementwise(functions.selu),
  silu: () => elementwise(functions.silu),
  gelu: (approximate = false) => elementwise(approximate ? functions.geluByTanh : functions.gelu),
  softplus: () => elementwise(functions.softplus),
};

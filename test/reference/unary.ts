import { elementwise } from "./nd.js";

export const reference = {
  neg: elementwise((x) => -x),
  abs: elementwise(Math.abs),
  sign: elementwise(Math.sign),
  square: elementwise((x) => x * x),
  exp: elementwise(Math.exp),
  log: elementwise(Math.log),
  sqrt: elementwise(Math.sqrt),
  rsqrt: elementwise((x) => 1 / Math.sqrt(x)),
  tanh: elementwise(Math.tanh),
  sigmoid: elementwise((x) => 1 / (1 + Math.exp(-x))),
  relu: elementwise((x) => (x < 0 ? 0 : x)),
};

export function clip(low: number | null, high: number | null): ReturnType<typeof elementwise> {
  return elementwise((x) => {
    if (low !== null && x < low) return low;
    return high !== null && x > high ? high : x;
  });
}

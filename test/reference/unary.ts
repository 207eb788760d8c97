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
  expm1: elementwise(Math.expm1),
  log1p: elementwise(Math.log1p),
  sin: elementwise(Math.sin),
  cos: elementwise(Math.cos),
  erf: elementwise(erf),
  floor: elementwise(Math.floor),
  ceil: elementwise(Math.ceil),
  round: elementwise(roundToEven),
  isNaN: elementwise((x) => Number(Number.isNaN(x))),
};

function roundToEven(x: number): number {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
}

/** By the series exp(-x^2) * sum of 2^n x^(2n+1) / (1 * 3 * ... * (2n+1)), of which all terms have one sign. */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; n < 200; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

export function clip(low: number | null, high: number | null): ReturnType<typeof elementwise> {
  return elementwise((x) => {
    if (low !== null && x < low) return low;
    return high !== null && x > high ? high : x;
  });
}

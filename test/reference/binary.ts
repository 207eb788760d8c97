import { elementwise } from "./nd.js";

export const reference = {
  add: elementwise((a, b) => a + b),
  sub: elementwise((a, b) => a - b),
  mul: elementwise((a, b) => a * b),
  div: elementwise((a, b) => a / b),
  pow: elementwise((a, b) => (a === 1 ? 1 : a ** b)), // C and NumPy: 1 to any power is 1, NaN included
  maximum: elementwise((a, b) => Math.max(a, b)),
  minimum: elementwise((a, b) => Math.min(a, b)),
};

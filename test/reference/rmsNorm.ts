import { normalizeRows } from "./layerNorm.js";
import { count, type Nd } from "./nd.js";

export interface RmsNormAttributes {
  readonly epsilon: number;
  /** How many of the last axes are normalised together. */
  readonly axes: number;
}

export function rmsNorm([x, gamma]: readonly Nd[], { epsilon, axes }: RmsNormAttributes): Nd {
  const shape = x!.shape;
  const size = count(shape.slice(shape.length - axes));
  const data = normalizeRows(x!, size, epsilon, false);
  return { shape, data: data.map((z, i) => z * (gamma?.data[i % size] ?? 1)) };
}

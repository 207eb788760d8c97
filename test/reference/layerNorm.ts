import { count, type Nd } from "./nd.js";

export interface NormAttributes {
  readonly epsilon: number;
  /** How many of the last axes are normalised together. */
  readonly axes: number;
  /** Which of gamma and beta follow x among the inputs. */
  readonly gamma: boolean;
  readonly beta: boolean;
}

/** Rows of `size` neighbours, each by itself; without `centered` the mean counts as 0. */
export function normalizeRows(x: Nd, size: number, epsilon: number, centered: boolean): Float64Array {
  const data = new Float64Array(x.data.length);
  for (let start = 0; start < data.length; start += size) {
    const row = x.data.subarray(start, start + size);
    const average = (values: Float64Array): number => values.reduce((a, b) => a + b, 0) / size;
    const mean = centered ? average(row) : 0;
    const distance = row.map((value) => value - mean);
    const deviation = Math.sqrt(average(distance.map((d) => d * d)) + epsilon);
    distance.forEach((d, i) => (data[start + i] = d / deviation));
  }
  return data;
}

export function layerNorm([x, ...rest]: readonly Nd[], { epsilon, axes, gamma, beta }: NormAttributes): Nd {
  const shape = x!.shape;
  const size = count(shape.slice(shape.length - axes));
  const scale = gamma ? rest[0] : undefined;
  const shift = beta ? rest[Number(gamma)] : undefined;
  const data = normalizeRows(x!, size, epsilon, true);
  return { shape, data: data.map((z, i) => z * (scale?.data[i % size] ?? 1) + (shift?.data[i % size] ?? 0)) };
}

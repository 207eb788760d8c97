import { type Nd } from "./nd.js";

/** The rows of elements along an axis: the places of each. */
function rows(x: Nd, axis: number): number[][] {
  const at = axis < 0 ? axis + x.shape.length : axis;
  const size = x.shape[at]!;
  const inner = x.shape.slice(at + 1).reduce((product, n) => product * n, 1);
  const list: number[][] = [];
  for (let start = 0; start < x.data.length; start += size * inner) {
    for (let column = 0; column < inner; column++) {
      list.push(Array.from({ length: size }, (_, i) => start + i * inner + column));
    }
  }
  return list;
}

export function logSumExp(values: readonly number[]): number {
  const largest = values.reduce((a, b) => Math.max(a, b), -Infinity);
  return largest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0));
}

export function logSoftmax([x]: readonly Nd[], axis: number): Nd {
  const data = new Float64Array(x!.data.length);
  for (const places of rows(x!, axis)) {
    const total = logSumExp(places.map((i) => x!.data[i]!));
    for (const i of places) data[i] = x!.data[i]! - total;
  }
  return { shape: x!.shape, data };
}

export function softmax(inputs: readonly Nd[], axis: number): Nd {
  const { shape, data } = logSoftmax(inputs, axis);
  return { shape, data: data.map(Math.exp) };
}

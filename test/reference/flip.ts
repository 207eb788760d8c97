import type { FlipAttributes } from "../cases/flip.js";
import { get, nd, type Nd } from "./nd.js";

export function flip([x]: readonly Nd[], { op, shift = 0, axis }: FlipAttributes): Nd {
  const { shape, data } = x!;
  const axes = axis === undefined ? null : [axis].flat().map((at) => (at < 0 ? at + shape.length : at));
  if (op === "flip") {
    const reversed = (at: number, i: number): number => (!axes || axes.includes(i) ? shape[i]! - 1 - at : at);
    return nd(shape, (index) => get(x!, index.map(reversed)));
  }
  const from = (at: number, by: number, size: number): number => (((at - by) % size) + size) % size;
  if (!axes) return { shape, data: data.map((_, i) => data[from(i, shift as number, data.length)]!) };
  let result = x!;
  axes.forEach((at, i) => {
    const before = result;
    const by = typeof shift === "number" ? shift : shift[i]!;
    result = nd(shape, (index) => get(before, index.with(at, from(index[at]!, by, shape[at]!))));
  });
  return result;
}

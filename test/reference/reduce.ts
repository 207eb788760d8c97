import type { ReduceOptions } from "nabla";
import { indices, nd, place, type Nd } from "./nd.js";

/** Folds the elements that share a place of the result, in row-major order. */
export function fold(x: Nd, { axis, keepDims }: ReduceOptions, of: (elements: number[]) => number): Nd {
  const rank = x.shape.length;
  const list =
    axis === undefined || axis === null ? x.shape.map((_, i) => i) : typeof axis === "number" ? [axis] : axis;
  const axes = new Set(list.map((a) => (a < 0 ? a + rank : a)));
  const kept = x.shape.map((size, i) => (axes.has(i) ? 1 : size));
  const elements = Array.from(nd(kept, () => 0).data, () => [] as number[]);
  for (const index of indices(x.shape)) {
    elements[
      place(
        kept,
        index.map((at, i) => (axes.has(i) ? 0 : at)),
      )
    ]!.push(x.data[place(x.shape, index)]!);
  }
  const shape = keepDims ? kept : kept.filter((_, i) => !axes.has(i));
  return { shape, data: Float64Array.from(elements, of) };
}

const total = (row: number[]): number => row.reduce((sum, value) => sum + value, 0);
const beats = (wins: (a: number, b: number) => boolean, row: number[]): number => {
  let best = 0;
  for (let i = 1; i < row.length; i++) {
    if (Number.isNaN(row[best]!)) break;
    if (Number.isNaN(row[i]!) || wins(row[i]!, row[best]!)) best = i;
  }
  return best;
};
const greater = (a: number, b: number): boolean => a > b;
const less = (a: number, b: number): boolean => a < b;

type Name = "sum" | "mean" | "prod" | "all" | "any" | "max" | "min" | "argMax" | "argMin";
type Reference = (inputs: readonly Nd[], options: ReduceOptions) => Nd;

export const reference: Readonly<Record<Name, Reference>> = {
  sum: ([x], options) => fold(x!, options, total),
  mean: ([x], options) => fold(x!, options, (row) => total(row) / row.length),
  prod: ([x], options) => fold(x!, options, (row) => row.reduce((product, value) => product * value, 1)),
  all: ([x], options) => fold(x!, options, (row) => Number(row.every((value) => value !== 0))),
  any: ([x], options) => fold(x!, options, (row) => Number(row.some((value) => value !== 0))),
  max: ([x], options) => fold(x!, options, (row) => row[beats(greater, row)]!),
  min: ([x], options) => fold(x!, options, (row) => row[beats(less, row)]!),
  argMax: ([x], options) => fold(x!, options, (row) => beats(greater, row)),
  argMin: ([x], options) => fold(x!, options, (row) => beats(less, row)),
};

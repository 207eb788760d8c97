import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { tensor, type Tensor } from "nabla";

/** A tensor of a fixture that Keras made. */
export type Numbers = { shape: number[] } & ({ data: number[] } | { of64: number[] });

/** The values, which the fixture may have as multiples of 1/64. */
export function valuesOf(given: Numbers): number[] {
  return "data" in given ? given.data : given.of64.map((parts) => parts / 64);
}

/** What test/fixtures/<name>.py has written. */
export function readKeras<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), "utf8")) as T;
}

/** In float32, as Keras computed. */
export function toTensor(given: Numbers): Tensor {
  return tensor(Float32Array.from(valuesOf(given)), { shape: given.shape });
}

/** Gives a layer the weights of Keras', which must have the same shapes in the same order. */
export function setWeights({ weights }: { readonly weights: readonly Tensor[] }, given: readonly Numbers[]): void {
  expect(weights.map(({ shape }) => shape)).toEqual(given.map(({ shape }) => shape));
  weights.forEach((weight, i) => void weight.assign(toTensor(given[i]!)));
}

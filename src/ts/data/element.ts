import { isNamed } from "../models/samples.js";
import type { TensorData } from "../ops/creation.js";
import { Tensor } from "../tensor.js";

/** A tensor, a number, or arrays of numbers. */
export type Leaf = Tensor | TensorData;

/** The samples of a model, its targets, or their weights: one leaf, or for several inputs or outputs a list or record of them. */
export type Part = Leaf | readonly Leaf[] | Readonly<Record<string, Leaf>>;

/** What a dataset consists of: samples alone, or an array of parts, such as [x, y] or [x, y, sampleWeight]. */
export type DatasetElement = Part | readonly Part[];

type TensorsOfPart<P> = P extends Leaf ? Tensor : { [K in keyof P]: Tensor };

/** An element whose numbers and arrays have become tensors. */
export type TensorsOf<E> = E extends Tensor
  ? Tensor
  : E extends readonly unknown[]
    ? { -readonly [K in keyof E]: TensorsOfPart<E[K]> }
    : TensorsOfPart<E>;

/** An element of the same form, made of what `fn` gives for each leaf. */
export function mapLeaves(element: unknown, fn: (leaf: Leaf) => unknown): unknown {
  return Array.isArray(element) ? element.map((part) => mapPart(part, fn)) : mapPart(element, fn);
}

/** The leaves of an element in their order. */
export function leavesOf(element: unknown): Leaf[] {
  const leaves: Leaf[] = [];
  mapLeaves(element, (leaf) => leaves.push(leaf));
  return leaves;
}

/** An array in a part is a list if tensors or typed arrays are in it; otherwise it holds numbers. */
function mapPart(part: unknown, fn: (leaf: Leaf) => unknown): unknown {
  if (Array.isArray(part) && part.some((each) => isArrayOfNumbers(each))) return part.map((each: Leaf) => fn(each));
  if (isNamed<Leaf>(part)) return Object.fromEntries(Object.entries(part).map(([name, leaf]) => [name, fn(leaf)]));
  return fn(part as Leaf);
}

/** A tensor or a typed array. */
export function isArrayOfNumbers(value: unknown): boolean {
  return value instanceof Tensor || ArrayBuffer.isView(value);
}

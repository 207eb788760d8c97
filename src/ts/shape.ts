import { ArgumentError, ShapeError } from "./errors.js";

/** The size of each axis; `[]` for a tensor without dimensions, which has one element. */
export type Shape = readonly number[];

// A table and not a conditional type: so the compiler sees that a tensor of rank 2 is a Tensor.
interface Shapes {
  readonly [rank: number]: Shape;
  0: readonly [];
  1: readonly [number];
  2: readonly [number, number];
  3: readonly [number, number, number];
  4: readonly [number, number, number, number];
  5: readonly [number, number, number, number, number];
  6: readonly [number, number, number, number, number, number];
  7: readonly [number, number, number, number, number, number, number];
  8: readonly [number, number, number, number, number, number, number, number];
}

/** The shape of a tensor of rank R; of any length where R is `number`. */
export type ShapeOf<R extends number> = Shapes[R];

/** The rank that a shape stands for: 2 for `[3, 4]`, `number` for an array of unknown length. */
export type RankOf<S extends Shape> = S["length"];

/** The rank of two tensors that are broadcast together. */
export type BroadcastRank<A extends number, B extends number> = number extends A
  ? number
  : number extends B
    ? number
    : ShapeOf<A> extends readonly [...ShapeOf<B>, ...number[]]
      ? A
      : B;

/** The native side keeps shapes in arrays of this length (native/core/tensor_view.h). */
export const MAX_RANK = 8;

/** Element counts and strides travel as 32-bit integers. */
export const MAX_ELEMENTS = 2 ** 31 - 1;

export function formatShape(shape: Shape): string {
  return `[${shape.join(",")}]`;
}

export function sizeOf(shape: Shape): number {
  let size = 1;
  for (let i = 0; i < shape.length; i++) size *= shape[i]!;
  return size;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Row-major strides, in elements. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape[i]!;
  }
  return strides;
}

/** Checks a shape that the user gave. @throws ArgumentError, ShapeError */
export function checkShape(op: string, shape: unknown): number[] {
  if (!Array.isArray(shape)) {
    throw new ArgumentError(`${op}: the shape is not an array: ${String(shape)}, expected an array of integers`);
  }
  for (const size of shape) {
    if (!Number.isInteger(size) || (size as number) < 0) {
      throw new ShapeError(`${op}: sizes must be integers of 0 or more: the shape is [${shape.map(String).join(",")}]`);
    }
  }
  checkLimits(op, shape as number[]);
  return shape.slice() as number[];
}

/** @throws ShapeError when a tensor of this shape has more dimensions or elements than are possible. */
export function checkLimits(op: string, shape: Shape): void {
  if (shape.length > MAX_RANK) {
    throw new ShapeError(
      `${op}: too many dimensions: the shape is ${formatShape(shape)}, at most ${MAX_RANK} are possible`,
    );
  }
  // Zeros are left out, so that the product of no part of the sizes is too large either.
  let elements = 1;
  for (let i = 0; i < shape.length; i++) if (shape[i] !== 0) elements *= shape[i]!;
  if (elements > MAX_ELEMENTS) {
    throw new ShapeError(
      `${op}: too many elements: the shape is ${formatShape(shape)}, at most ${MAX_ELEMENTS} are possible in a tensor`,
    );
  }
}

/** NumPy's broadcasting of two shapes. @throws ShapeError naming both. */
export function broadcastShapes(op: string, a: Shape, b: Shape): Shape {
  if (b.length === 0 || sameShape(a, b)) return a;
  const shape = tryBroadcast([a, b]);
  if (shape) return shape;
  throw new ShapeError(`${op}: shapes do not broadcast: a is ${formatShape(a)}, b is ${formatShape(b)}`);
}

/** NumPy's broadcasting of any number of shapes; null where they do not fit. */
export function tryBroadcast(shapes: readonly Shape[]): Shape | null {
  let rank = 0;
  for (const shape of shapes) rank = Math.max(rank, shape.length);
  const out = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    for (let i = 0, at = rank - shape.length; i < shape.length; i++, at++) {
      if (shape[i] === 1) continue;
      if (out[at] !== 1 && out[at] !== shape[i]) return null;
      out[at] = shape[i]!;
    }
  }
  return out;
}

/** A negative axis counts from the end. @throws ArgumentError when it is no axis of a tensor of this rank. */
export function normalizeAxis(op: string, axis: unknown, rank: number): number {
  if (!Number.isInteger(axis) || (axis as number) < -rank || (axis as number) >= rank) {
    throw new ArgumentError(
      `${op}: axis ${String(axis)} does not exist: the tensor has ${rank} dimension${rank === 1 ? "" : "s"}`,
    );
  }
  return (axis as number) < 0 ? (axis as number) + rank : (axis as number);
}

/**
 * Sorted distinct axes; all of them when `axis` is undefined or null.
 *
 * @throws ArgumentError for an axis that does not exist or is named twice.
 */
export function normalizeAxes(op: string, axis: number | readonly number[] | null | undefined, rank: number): number[] {
  if (axis === undefined || axis === null) return Array.from({ length: rank }, (_, i) => i);
  const axes = (Array.isArray(axis) ? (axis as readonly number[]) : [axis]).map((a) => normalizeAxis(op, a, rank));
  axes.sort((x, y) => x - y);
  for (let i = 1; i < axes.length; i++) {
    if (axes[i] === axes[i - 1]) throw new ArgumentError(`${op}: axis ${axes[i]} is named twice`);
  }
  return axes;
}

import { isFloating } from "../dtype.js";
import { checkTensor, defineOp, type Op, type OpDefinition } from "../op.js";
import { normalizeAxes, type Shape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { cast } from "./cast.js";
import type { ReduceOptions } from "./reduce.js";
import { permute } from "./transpose.js";

/** A reduction whose kernel takes the reduced axes last. */
export interface RowReduction {
  /** The reduced axes: the last ones of the kernel's input. */
  readonly axes: readonly number[];
  /** Elements that make one of the result. */
  readonly count: number;
  /** The result's shape. */
  readonly shape: Shape;
  /** The shape of the kernel's input with the reduced axes as size 1. */
  readonly keptShape: Shape;
}

/** @internal Registers a reduction for {@link reduceRows}. `encode` gives the attributes after `count`. */
export function defineRowReduction<A>(
  name: string,
  rest: Pick<OpDefinition<A & RowReduction>, "backward" | "save" | "kernel"> & { encode?: (attrs: A) => number[] },
): Op<A & RowReduction> {
  const { encode, ...others } = rest;
  return defineOp<A & RowReduction>({
    name,
    infer: ([x], { shape }) => [{ shape, dtype: x!.dtype }],
    encode: (attrs) => [attrs.count, ...(encode?.(attrs) ?? [])],
    contiguous: true,
    ...others,
  });
}

/** @internal Applies the reduction over any axes. Integers and bools become float32. */
export function reduceRows<A>(
  name: string,
  op: Op<A & RowReduction>,
  given: Tensor,
  { axis, keepDims = false }: ReduceOptions,
  attrs: A,
): Tensor {
  checkTensor(name, given);
  const reduced = normalizeAxes(name, axis, given.rank);
  const kept = given.shape.map((_, i) => i).filter((i) => !reduced.includes(i));
  const keptSizes = kept.map((i) => given.shape[i]!);
  const shape = keepDims ? given.shape.map((size, i) => (reduced.includes(i) ? 1 : size)) : keptSizes;
  const x = isFloating(given.dtype) ? given : cast(given, "float32");
  const order = [...kept, ...reduced];
  const moved = order.every((from, to) => from === to) ? x : permute(x, order);
  const result = op([moved], {
    ...attrs,
    axes: reduced.map((_, i) => kept.length + i),
    count: reduced.reduce((count, i) => count * given.shape[i]!, 1),
    shape,
    keptShape: [...keptSizes, ...reduced.map(() => 1)],
  })[0]!;
  if (moved !== x) moved.dispose();
  if (x !== given) x.dispose();
  return result;
}

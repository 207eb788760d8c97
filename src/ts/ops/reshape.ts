import { ArgumentError, ShapeError, describe } from "../errors.js";
import type { DType } from "../dtype.js";
import { checkTensor, defineView, type View } from "../op.js";
import {
  checkShape,
  contiguousStrides,
  formatShape,
  normalizeAxes,
  sameShape,
  sizeOf,
  type RankOf,
  type Shape,
} from "../shape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { checkInteger } from "./arguments.js";

const view: View<{ shape: Shape }> = defineView({
  name: "reshape",
  view: (x, { shape }) => {
    if (sameShape(shape, x.shape)) return { shape, strides: x.strides, offset: x.offset };
    const strides = x.strides === null ? contiguousStrides(shape) : reshapedStrides(x.shape, x.strides, shape);
    return strides && { shape, strides, offset: x.offset };
  },
  backward: ({ grads, inputShapes }) => [view(grads[0]!, { shape: inputShapes[0]! })],
});

/**
 * Strides under which the same memory has another shape, or null when only a copy can have it. Groups of neighbouring
 * axes that lie in memory like one axis may be cut anew; every group must come out whole.
 */
function reshapedStrides(from: Shape, strides: readonly number[], to: Shape): number[] | null {
  if (sizeOf(from) === 0) return contiguousStrides(to);
  const result = new Array<number>(to.length);
  let target = to.length - 1;
  let group = 1; // elements of the group of `from` that ends at this axis
  let base: number | null = null; // the stride of the group's last axis
  for (let axis = from.length - 1; axis >= 0; axis--) {
    if (base === null && from[axis] === 1) continue;
    base ??= strides[axis]!;
    group *= from[axis]!;
    let outer = axis - 1;
    while (outer >= 0 && from[outer] === 1) outer--;
    if (outer >= 0 && strides[outer] === base * group) continue;
    let taken = 1;
    while (target >= 0 && (taken < group || to[target] === 1)) {
      result[target] = base * taken;
      taken *= to[target--]!;
    }
    if (taken !== group) return null;
    group = 1;
    base = null;
  }
  // Only axes of size 1 are left.
  while (target >= 0) result[target--] = 1;
  return result;
}

/**
 * The same elements in row-major order with another shape; one size may be -1, which is computed. A view where the
 * memory allows, or else a copy.
 *
 * @throws ShapeError when the number of elements differs. @throws ArgumentError for two sizes of -1.
 */
export function reshape<D extends DType, const S extends Shape>(x: Tensor<D>, shape: S): Tensor<D, RankOf<S>> {
  checkTensor("reshape", x);
  return view(x, { shape: resolveShape(x, shape) }) as Tensor<D, RankOf<S>>;
}

function resolveShape(x: Tensor, shape: unknown): Shape {
  const open = Array.isArray(shape) ? shape.indexOf(-1) : -1;
  if (open < 0) {
    const target = checkShape("reshape", shape);
    if (sizeOf(target) !== x.size) throw misfit(x, shape as Shape);
    return target;
  }
  const given = shape as number[];
  if (given.includes(-1, open + 1)) {
    throw new ArgumentError(`reshape: two sizes are open: the shape is ${describe(shape)}, expected one -1 at most`);
  }
  const others = checkShape("reshape", given.with(open, 1));
  const known = sizeOf(others);
  if (known === 0 || x.size % known !== 0) throw misfit(x, given);
  return others.with(open, x.size / known);
}

function misfit(x: Tensor, shape: Shape): ShapeError {
  return new ShapeError(
    `reshape: the number of elements differs: the tensor is ${formatShape(x.shape)}, ${formatShape(shape)} was asked for`,
  );
}

/** The same elements in one dimension. A view where the memory allows. */
export function flatten<D extends DType>(x: Tensor<D>): Tensor<D, 1> {
  return reshape(x, [-1]);
}

/**
 * A view with a new axis of size 1 at place `axis` of the result; negative counts from the result's end.
 *
 * @throws ArgumentError when the result has no such axis.
 */
export function expandDims<D extends DType>(x: Tensor<D>, axis: number): Tensor<D> {
  checkTensor("expandDims", x);
  const rank = x.rank + 1;
  const place = checkInteger("expandDims", "axis", axis);
  if (place < -rank || place >= rank) {
    throw new ArgumentError(`expandDims: axis ${place} does not exist: the result has ${rank} dimensions`);
  }
  return reshape(x, x.shape.toSpliced(place < 0 ? place + rank : place, 0, 1));
}

/**
 * A view without the axes of size 1, or without those of them that `axis` names.
 *
 * @throws ShapeError when a named axis is longer. @throws ArgumentError when it does not exist.
 */
export function squeeze<D extends DType>(x: Tensor<D>, axis?: number | readonly number[]): Tensor<D> {
  checkTensor("squeeze", x);
  if (axis === undefined)
    return reshape(
      x,
      x.shape.filter((size) => size !== 1),
    );
  const axes = normalizeAxes("squeeze", axis, x.rank);
  for (const place of axes) {
    if (x.shape[place] !== 1) {
      throw new ShapeError(
        `squeeze: axis ${place} is not of size 1: the shape is ${formatShape(x.shape)}, expected 1 there`,
      );
    }
  }
  return reshape(
    x,
    x.shape.filter((_, place) => !axes.includes(place)),
  );
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link reshape}. */
    reshape<const S extends Shape>(shape: S): Tensor<D, RankOf<S>>;
    /** See {@link flatten}. */
    flatten(): Tensor<D, 1>;
    /** See {@link expandDims}. */
    expandDims(axis: number): Tensor<D>;
    /** See {@link squeeze}. */
    squeeze(axis?: number | readonly number[]): Tensor<D>;
  }
}
addMethod("reshape", reshape);
addMethod("flatten", flatten);
addMethod("expandDims", expandDims);
addMethod("squeeze", squeeze);

import { ArgumentError, describe } from "../errors.js";
import type { DType } from "../dtype.js";
import { checkTensor, defineView, type View } from "../op.js";
import { contiguousStrides, formatShape, normalizeAxes } from "../shape.js";
import { addMethod, type Tensor } from "../tensor.js";

const view: View<{ axes: readonly number[] }> = defineView({
  name: "transpose",
  view: (x, { axes }) => {
    const strides = x.strides ?? contiguousStrides(x.shape);
    return { shape: axes.map((axis) => x.shape[axis]!), strides: axes.map((axis) => strides[axis]!), offset: x.offset };
  },
  backward: ({ grads, attrs }) => {
    const inverse: number[] = [];
    attrs.axes.forEach((axis, place) => (inverse[axis] = place));
    return [view(grads[0]!, { axes: inverse })];
  },
});

/**
 * A view with the axes in another order, or reversed when no order is given (NumPy).
 *
 * @throws ArgumentError unless every axis is named once.
 */
export function transpose<D extends DType, R extends number>(x: Tensor<D, R>, axes?: readonly number[]): Tensor<D, R> {
  checkTensor("transpose", x);
  if (axes === undefined) return view(x, { axes: x.shape.map((_, i) => x.rank - 1 - i) }) as Tensor<D, R>;
  return permute(x, axes, "transpose");
}

/** A view with the axes in the given order. @throws ArgumentError unless every axis is named once. */
export function permute<D extends DType, R extends number>(
  x: Tensor<D, R>,
  axes: readonly number[],
  op = "permute",
): Tensor<D, R> {
  checkTensor(op, x);
  if (!Array.isArray(axes) || axes.length !== x.rank) {
    throw new ArgumentError(
      `${op}: the order is not of all axes: ${describe(axes)}, the shape is ${formatShape(x.shape)}`,
    );
  }
  normalizeAxes(op, axes, x.rank);
  return view(x, { axes: axes.map((axis) => (axis < 0 ? axis + x.rank : axis)) }) as Tensor<D, R>;
}

/** @internal A view with two axes exchanged; negative axes count from the end. */
export function swapAxes(x: Tensor, a: number, b: number): Tensor {
  const axes = x.shape.map((_, i) => i);
  [axes[a < 0 ? a + x.rank : a], axes[b < 0 ? b + x.rank : b]] = [axes.at(b)!, axes.at(a)!];
  return view(x, { axes });
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link transpose}. */
    transpose(axes?: readonly number[]): Tensor<D, R>;
    /** See {@link permute}. */
    permute(axes: readonly number[]): Tensor<D, R>;
  }
}
addMethod("transpose", transpose);
addMethod("permute", permute);

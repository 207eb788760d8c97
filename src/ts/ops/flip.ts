import { ArgumentError, describe } from "../errors.js";
import type { DType } from "../dtype.js";
import { tidy } from "../memory.js";
import { checkTensor, copy, defineView, type View } from "../op.js";
import { contiguousStrides, normalizeAxes, normalizeAxis } from "../shape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { join } from "./concat.js";
import { flatten, reshape } from "./reshape.js";
import { cut } from "./split.js";

const view: View<{ axes: readonly number[] }> = defineView({
  name: "flip",
  view: (x, { axes }) => {
    const strides = [...(x.strides ?? contiguousStrides(x.shape))];
    let { offset } = x;
    if (x.size > 0) for (const axis of axes) offset += (x.shape[axis]! - 1) * strides[axis]!;
    for (const axis of axes) strides[axis] = -strides[axis]!;
    return { shape: x.shape, strides, offset };
  },
  backward: ({ grads, attrs }) => [view(grads[0]!, attrs)],
});

/**
 * A view with the order of the elements reversed along the given axes, or along all of them.
 *
 * @throws ArgumentError for an axis that does not exist or is named twice.
 */
export function flip<D extends DType, R extends number>(
  x: Tensor<D, R>,
  axis?: number | readonly number[] | null,
): Tensor<D, R> {
  checkTensor("flip", x);
  return view(x, { axes: normalizeAxes("flip", axis, x.rank) }) as unknown as Tensor<D, R>;
}

/**
 * The elements moved by `shift` places along an axis; what leaves at one end comes in at the other (NumPy's `roll`).
 * Several axes take one shift for all or a list of as many. Without an axis the elements move in row-major order, over
 * the ends of rows. The result is a copy.
 *
 * @throws ArgumentError for an axis that does not exist, or a shift that is no integer or does not fit the axes.
 */
export function roll<D extends DType, R extends number>(
  x: Tensor<D, R>,
  shift: number | readonly number[],
  axis?: number | readonly number[] | null,
): Tensor<D, R> {
  checkTensor("roll", x);
  const all = axis === undefined || axis === null;
  const axes = all ? [0] : [axis].flat().map((place) => normalizeAxis("roll", place, x.rank));
  const given: unknown[] = Array.isArray(shift) ? shift : axes.map(() => shift);
  if (given.length !== axes.length || !given.every(Number.isSafeInteger)) {
    throw new ArgumentError(
      `roll: the shift does not fit: ${describe(shift)}, expected an integer${all ? "" : `, or a list of ${axes.length} for the axes`}`,
    );
  }
  const shifts = given as number[];
  return tidy(() => {
    if (all) return reshape(rollAxis(flatten(x), shifts[0]!, 0), x.shape);
    let result: Tensor = x;
    axes.forEach((place, i) => (result = rollAxis(result, shifts[i]!, place)));
    return axes.length === 0 ? copy([x], undefined)[0]! : result;
  }) as unknown as Tensor<D, R>;
}

/** The last `shift` places and those before them, joined the other way round. */
function rollAxis(x: Tensor, shift: number, axis: number): Tensor {
  const size = x.shape[axis]!;
  const moved = size === 0 ? 0 : ((shift % size) + size) % size;
  return join(cut(x, [size - moved, moved], axis).reverse(), axis);
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link flip}. */
    flip(axis?: number | readonly number[] | null): Tensor<D, R>;
    /** See {@link roll}. */
    roll(shift: number | readonly number[], axis?: number | readonly number[] | null): Tensor<D, R>;
  }
}
addMethod("flip", flip);
addMethod("roll", roll);

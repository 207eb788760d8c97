import { ArgumentError, ShapeError, describe } from "../errors.js";
import { promote, type DType } from "../dtype.js";
import { checkTensor, defineOp, type Op } from "../op.js";
import { checkShape, formatShape, normalizeAxis, sameShape, type Shape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { cast } from "./cast.js";
import { expandDims } from "./reshape.js";
import { cut } from "./split.js";

/** Operands of one command; longer lists are joined in groups first. */
const MOST_OPERANDS = 1024;

const concatOp: Op<{ axis: number }> = defineOp({
  name: "concat",
  halves: true,
  infer: (inputs, { axis }) => {
    const size = inputs.reduce((total, input) => total + input.shape[axis]!, 0);
    return [{ shape: checkShape("concat", inputs[0]!.shape.with(axis, size)), dtype: inputs[0]!.dtype }];
  },
  encode: ({ axis }) => [axis],
  backward: ({ grads, attrs: { axis }, needs, inputShapes }) => {
    const parts = cut(
      grads[0]!,
      inputShapes.map((shape) => shape[axis]!),
      axis,
    );
    return parts.map((part, i) => (needs[i] ? part : null));
  },
});

/** @internal Joins tensors of one dtype that fit, along an axis counted from the front. */
export function join(list: readonly Tensor[], axis: number): Tensor {
  if (list.length <= MOST_OPERANDS) return concatOp(list, { axis })[0]!;
  const groups: Tensor[] = [];
  for (let i = 0; i < list.length; i += MOST_OPERANDS) groups.push(join(list.slice(i, i + MOST_OPERANDS), axis));
  const result = join(groups, axis);
  for (const group of groups) group.dispose();
  return result;
}

function checkList(op: string, list: unknown): asserts list is readonly Tensor[] {
  if (!Array.isArray(list) || list.length === 0) {
    throw new ArgumentError(`${op}: not a list of tensors: ${describe(list)}, expected an array of one or more`);
  }
  for (const item of list) checkTensor(op, item);
}

/** Joins after promotion. What was cast is released; the tape holds what it needs of it. */
function joinPromoted(list: readonly Tensor[], axis: number): Tensor {
  // Of one dtype nothing is computed, so that halves stay what they are.
  const dtype = list.map((item) => item.dtype).reduce((a, b) => (a === b ? a : promote(a, b)));
  const inputs = list.map((item) => (item.dtype === dtype ? item : cast(item, dtype)));
  const result = join(inputs, axis);
  inputs.forEach((input, i) => input !== list[i] && input.dispose());
  return result;
}

/**
 * The tensors one after another along an axis, whose sizes add up; all other sizes must agree. Other dtypes than the
 * latest among them, in bool, uint8, int32, float32, float64, are cast to it. Every element is copied once.
 *
 * @throws ArgumentError for an empty list or an axis that does not exist. @throws ShapeError when the tensors do not
 * fit, or have no dimension ({@link stack} joins those).
 */
export function concat<D extends DType, R extends number>(list: readonly Tensor<D, R>[], axis = 0): Tensor<D, R> {
  checkList("concat", list);
  const shape: Shape = list[0]!.shape;
  if (shape.length === 0) {
    throw new ShapeError("concat: tensor 0 has no dimension: its shape is [], expected one at least, or use stack");
  }
  const place = normalizeAxis("concat", axis, shape.length);
  list.forEach((item, i) => {
    const own: Shape = item.shape;
    if (own.length !== shape.length || !sameShape(own.with(place, 0), shape.with(place, 0))) {
      throw new ShapeError(
        `concat: the shapes differ beside axis ${place}: tensor 0 is ${formatShape(shape)}, tensor ${i} is ${formatShape(own)}`,
      );
    }
  });
  return joinPromoted(list, place) as unknown as Tensor<D, R>;
}

/**
 * The tensors, all of one shape, one after another along a new axis, which is `axis` of the result; negative
 * counts from the result's end. Dtypes are promoted as in {@link concat}.
 *
 * @throws ArgumentError for an empty list or an axis that the result does not have. @throws ShapeError when the shapes
 * differ.
 */
export function stack<D extends DType>(list: readonly Tensor<D>[], axis = 0): Tensor<D> {
  checkList("stack", list);
  const { shape } = list[0]!;
  const place = normalizeAxis("stack", axis, shape.length + 1);
  list.forEach((item, i) => {
    if (!sameShape(item.shape, shape)) {
      throw new ShapeError(
        `stack: the shapes differ: tensor 0 is ${formatShape(shape)}, tensor ${i} is ${formatShape(item.shape)}`,
      );
    }
  });
  checkShape("stack", shape.toSpliced(place, 0, list.length));
  const rows = list.map((item) => expandDims(item, place));
  const result = joinPromoted(rows, place);
  for (const row of rows) row.dispose();
  return result as Tensor<D>;
}

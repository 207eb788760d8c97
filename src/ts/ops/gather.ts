import type { Device } from "../device.js";
import { DTypeError, ShapeError } from "../errors.js";
import { promote, type DType, type Promote } from "../dtype.js";
import { checkTensor, defineOp, type Op, type OpDefinition } from "../op.js";
import { formatShape, normalizeAxis, sameShape, type Shape } from "../shape.js";
import { addMethod, Tensor } from "../tensor.js";
import { cast } from "./cast.js";
import { tensor } from "./creation.js";
import { broadcastOperand } from "./operands.js";
import { constantOf } from "./scalar.js";

/** Places along an axis; negative ones count from the end. */
export type Indices = Tensor | number | readonly number[];

/** @internal That of `embedding` too, an op of its own so that errors name what was called. */
export const gatherDefinition: OpDefinition<{ axis: number }> = {
  name: "gather",
  halves: true,
  infer: ([x, indices], { axis }) => [{ shape: gatheredShape(x!, indices!, axis), dtype: x!.dtype }],
  encode: ({ axis }) => [axis],
  contiguous: true,
  save: { inputs: [1] },
  backward: ({ grads, inputs, inputShapes, attrs }) => {
    const g = grads[0]!;
    const attributes = { axis: attrs.axis, shape: inputShapes[0]! };
    return [scatterOp([constantOf(0, g), inputs[1]!, g], attributes)[0]!, null];
  },
};

const gatherOp = defineOp(gatherDefinition);

/** The first input has the given shape, or is a single number that stands everywhere in it. */
const scatterOp: Op<{ axis: number; shape: Shape }> = defineOp({
  name: "scatterAdd",
  infer: ([x], { shape }) => [{ shape, dtype: x!.dtype }],
  operands: ([x, indices, updates], [out]) => [
    sameShape(x!.shape, out!.shape) ? x! : broadcastOperand(x!, out!.shape),
    indices!,
    updates!,
  ],
  encode: ({ axis }) => [axis],
  contiguous: true,
  save: { inputs: [1] },
  backward: ({ grads, inputs, needs, attrs }) => {
    const g = grads[0]!;
    return [needs[0] ? g : null, null, needs[2] ? gatherOp([g, inputs[1]!], { axis: attrs.axis })[0]! : null];
  },
});

function gatheredShape(x: Tensor, indices: Tensor, axis: number): Shape {
  return x.shape.toSpliced(axis, 1, ...indices.shape);
}

/** @internal Indices as an int32 tensor: a new one (on the device), or the given one where it is that. @throws DTypeError */
export function toIndices(op: string, indices: Indices, device?: Device): Tensor {
  if (typeof indices === "number" || Array.isArray(indices)) {
    return tensor(indices as number[], { dtype: "int32", device });
  }
  checkTensor(op, indices);
  if (indices.dtype !== "int32" && indices.dtype !== "uint8") {
    throw new DTypeError(`${op}: the indices are not integers: they are ${indices.dtype}, expected int32`);
  }
  return indices.dtype === "int32" ? indices : cast(indices, "int32");
}

/**
 * The slices of `x` at the given places along `axis`, as NumPy's `take`: the axis is replaced by the axes of
 * `indices`. An index outside the axis is an IndexError of the next wait.
 *
 * @throws ArgumentError for an axis that does not exist. @throws DTypeError unless the indices are integers.
 */
export function gather<D extends DType>(x: Tensor<D>, indices: Indices, axis = 0): Tensor<D> {
  checkTensor("gather", x);
  const place = normalizeAxis("gather", axis, x.rank);
  const at = toIndices("gather", indices, x.device);
  const result = gatherOp([x, at], { axis: place })[0]! as Tensor<D>;
  if (at !== indices) at.dispose();
  return result;
}

/**
 * `x` with the slices of `updates` added at the given places along `axis`, one after another: what `gather` with
 * the same indices reads is where `updates` go, and their shape is the shape of its result. An index outside the axis
 * is an IndexError of the next wait.
 *
 * @throws ShapeError when the updates do not fit. @throws ArgumentError for an axis that does not exist.
 * @throws DTypeError unless the indices are integers and x and the updates numbers.
 */
export function scatterAdd<A extends DType, B extends DType>(
  x: Tensor<A>,
  indices: Indices,
  updates: Tensor<B>,
  axis = 0,
): Tensor<Promote<A, B>> {
  checkTensor("scatterAdd", x);
  checkTensor("scatterAdd", updates);
  const place = normalizeAxis("scatterAdd", axis, x.rank);
  const dtype = promote(x.dtype, updates.dtype);
  if (dtype === "bool")
    throw new DTypeError("scatterAdd: bool cannot be added: x and the updates are bool, expected numbers");
  const at = toIndices("scatterAdd", indices, x.device);
  const expected = gatheredShape(x, at, place);
  if (!sameShape(updates.shape, expected)) {
    throw new ShapeError(
      `scatterAdd: the updates do not fit: they are ${formatShape(updates.shape)}, expected ${formatShape(expected)}`,
    );
  }
  const base = x.dtype === dtype ? x : cast(x, dtype);
  const added = updates.dtype === dtype ? updates : cast(updates, dtype);
  const result = scatterOp([base, at, added], { axis: place, shape: x.shape })[0]!;
  for (const [made, given] of [
    [base, x],
    [at, indices],
    [added, updates],
  ])
    if (made !== given) (made as Tensor).dispose();
  return result as Tensor<Promote<A, B>>;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType> {
    /** See {@link gather}. */
    gather(indices: Indices, axis?: number): Tensor<D>;
    /** See {@link scatterAdd}. */
    scatterAdd<B extends DType>(indices: Indices, updates: Tensor<B>, axis?: number): Tensor<Promote<D, B>>;
  }
}
addMethod("gather", gather);
addMethod("scatterAdd", scatterAdd);

import { isFloating, isInteger, promote, type DType, type Promote, type WithNumber } from "../dtype.js";
import type { BroadcastRank } from "../shape.js";
import { ArgumentError, describe } from "../errors.js";
import { checkTensor, type Op } from "../op.js";
import { Tensor } from "../tensor.js";
import { upload } from "./creation.js";
import { cast } from "./cast.js";

/** What may stand in the place of a tensor in elementwise ops of several operands. */
export type Scalar = number | boolean;

/** The result of an op on a and b; `Least` is the first dtype, in promotion order, that the op has. */
export type Promoted<A extends Tensor | Scalar, B extends Tensor | Scalar, Least extends DType> = Tensor<
  Promote<
    A extends Tensor<infer X>
      ? B extends Tensor<infer Y>
        ? Promote<X, Y>
        : WithNumber<X>
      : B extends Tensor<infer Y>
        ? WithNumber<Y>
        : DType,
    Least
  >,
  OperandsRank<A, B>
>;

/** The rank of an elementwise result of two operands; a number has none of its own. */
export type OperandsRank<A extends Tensor | Scalar, B extends Tensor | Scalar> =
  A extends Tensor<DType, infer X>
    ? B extends Tensor<DType, infer Y>
      ? BroadcastRank<X, Y>
      : X
    : B extends Tensor<DType, infer Y>
      ? Y
      : number;

/** Of each dtype on each device. */
const MOST_CACHED = 64;

/**
 * A tensor without dimensions on the device of another one, and of its dtype unless given. The caller must not dispose of
 * it: numbers that programs use over and over (`x.mul(2)` in a loop) are made once.
 */
export function constantOf(value: number, like: Tensor, dtype: DType = like.dtype): Tensor {
  const { stream } = like.storage;
  let ofType = stream.constants.get(dtype);
  if (!ofType) stream.constants.set(dtype, (ofType = new Map<number, Tensor>()));
  const known = Object.is(value, -0) ? undefined : ofType.get(value);
  if (known) return known;
  const data = isInteger(dtype) ? Int32Array.of(value) : Float64Array.of(value);
  const made = upload(data, [], dtype, stream);
  // A map takes -0 for 0.
  if (Object.is(value, -0)) return made;
  made.kept = true;
  // The old ones are left to the collector: the op that asks may hold one already.
  if (ofType.size >= MOST_CACHED) ofType.clear();
  ofType.set(value, made);
  return made;
}

/** The dtype of an op on a tensor and a number: the tensor's, unless that cannot hold the number. */
function dtypeWith(dtype: DType, value: Scalar): DType {
  if (typeof value === "boolean" || isFloating(dtype)) return dtype;
  if (!Number.isInteger(value) || value < -(2 ** 31) || value >= 2 ** 31) return "float32";
  return dtype === "uint8" && value >= 0 && value <= 255 ? dtype : "int32";
}

function isScalar(value: unknown): value is Scalar {
  return typeof value === "number" || typeof value === "boolean";
}

/**
 * Calls an op whose operands must have one dtype: promotes them, at least to `least`, and makes tensors of numbers.
 * The operands before `first` are passed as they are.
 */
export function applyPromoted(
  name: string,
  op: Op<undefined>,
  least: DType,
  given: readonly (Tensor | Scalar)[],
  first = 0,
): Tensor {
  let dtype = least;
  let like: Tensor | undefined = first > 0 ? (given[0] as Tensor) : undefined;
  for (let i = first; i < given.length; i++) {
    const operand = given[i]!;
    if (isScalar(operand)) continue;
    checkTensor(name, operand);
    dtype = promote(dtype, operand.dtype);
    like ??= operand;
  }
  if (like === undefined) {
    throw new ArgumentError(
      `${name}: no tensor among the operands: ${given.map(describe).join(", ")}, expected one at least`,
    );
  }
  for (const operand of given) if (isScalar(operand)) dtype = dtypeWith(dtype, operand);
  const inputs = given.map((operand, i) => {
    if (isScalar(operand)) return constantOf(Number(operand), like!, dtype);
    return i < first || operand.dtype === dtype ? operand : cast(operand, dtype);
  });
  const result = op(inputs, undefined)[0]!;
  // Casts were made for this op alone; the tape holds what it saved of them by itself.
  inputs.forEach((input, i) => {
    if (given[i] instanceof Tensor && input !== given[i]) input.dispose();
  });
  return result;
}

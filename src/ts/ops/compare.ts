import { DTypeError } from "../errors.js";
import type { DType } from "../dtype.js";
import { defineOp, type Op } from "../op.js";
import { broadcastShapes, type BroadcastRank } from "../shape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { broadcastOperands } from "./operands.js";
import { applyPromoted, type OperandsRank, type Scalar } from "./scalar.js";

type Comparison = <A extends Tensor | Scalar, B extends Tensor | Scalar>(
  a: A,
  b: B,
) => Tensor<"bool", OperandsRank<A, B>>;

function defineComparison(name: string): Comparison {
  const op = defineOp<undefined>({
    name,
    infer: ([a, b]) => [{ shape: broadcastShapes(name, a!.shape, b!.shape), dtype: "bool" }],
    operands: broadcastOperands,
    backward: null,
  });
  return (a, b) => applyPromoted(name, op, "bool", [a, b]) as Tensor<"bool", never>;
}

/**
 * Whether a = b, elementwise with broadcasting, as a bool tensor; the operands are promoted as in {@link add}. NaN
 * equals nothing.
 *
 * @throws ShapeError when the shapes do not broadcast.
 * @throws ArgumentError when neither is a tensor.
 *
 * @function
 */
export const equal = defineComparison("equal");
/** Whether a differs from b; otherwise like {@link equal}. @function */
export const notEqual = defineComparison("notEqual");
/** Whether a > b; otherwise like {@link equal}. @function */
export const greater = defineComparison("greater");
/** Whether a >= b; otherwise like {@link equal}. @function */
export const greaterEqual = defineComparison("greaterEqual");
/** Whether a < b; otherwise like {@link equal}. @function */
export const less = defineComparison("less");
/** Whether a <= b; otherwise like {@link equal}. @function */
export const lessEqual = defineComparison("lessEqual");

function defineLogical(name: string): Op<undefined> {
  return defineOp<undefined>({
    name,
    infer: (inputs) => {
      for (const { dtype } of inputs) {
        if (dtype !== "bool") {
          throw new DTypeError(
            `${name}: not a bool tensor: the dtype is ${dtype}, expected bool, such as a comparison gives`,
          );
        }
      }
      const [a, b] = inputs;
      return [{ shape: b ? broadcastShapes(name, a!.shape, b.shape) : a!.shape, dtype: "bool" }];
    },
    operands: broadcastOperands,
    backward: null,
  });
}

const notOp = defineLogical("logicalNot");
const andOp = defineLogical("logicalAnd");
const orOp = defineLogical("logicalOr");

/** Whether x is false. @throws DTypeError unless x is bool. */
export function logicalNot<R extends number>(x: Tensor<DType, R>): Tensor<"bool", R> {
  return notOp([x], undefined)[0]! as Tensor<"bool", R>;
}

/** Whether both are true, elementwise with broadcasting. @throws DTypeError unless both are bool. @throws ShapeError when they do not broadcast. */
export function logicalAnd<A extends number, B extends number>(
  a: Tensor<DType, A>,
  b: Tensor<DType, B>,
): Tensor<"bool", BroadcastRank<A, B>> {
  return andOp([a, b], undefined)[0]! as Tensor<"bool", BroadcastRank<A, B>>;
}

/** Whether one of them is true, elementwise with broadcasting. @throws DTypeError unless both are bool. @throws ShapeError when they do not broadcast. */
export function logicalOr<A extends number, B extends number>(
  a: Tensor<DType, A>,
  b: Tensor<DType, B>,
): Tensor<"bool", BroadcastRank<A, B>> {
  return orOp([a, b], undefined)[0]! as Tensor<"bool", BroadcastRank<A, B>>;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link equal}. */
    equal<A extends Tensor, B extends Tensor | Scalar>(this: A, other: B): Tensor<"bool", OperandsRank<A, B>>;
    /** See {@link notEqual}. */
    notEqual<A extends Tensor, B extends Tensor | Scalar>(this: A, other: B): Tensor<"bool", OperandsRank<A, B>>;
    /** See {@link greater}. */
    greater<A extends Tensor, B extends Tensor | Scalar>(this: A, other: B): Tensor<"bool", OperandsRank<A, B>>;
    /** See {@link greaterEqual}. */
    greaterEqual<A extends Tensor, B extends Tensor | Scalar>(this: A, other: B): Tensor<"bool", OperandsRank<A, B>>;
    /** See {@link less}. */
    less<A extends Tensor, B extends Tensor | Scalar>(this: A, other: B): Tensor<"bool", OperandsRank<A, B>>;
    /** See {@link lessEqual}. */
    lessEqual<A extends Tensor, B extends Tensor | Scalar>(this: A, other: B): Tensor<"bool", OperandsRank<A, B>>;
    /** See {@link logicalNot}. */
    logicalNot(): Tensor<"bool", R>;
    /** See {@link logicalAnd}. */
    logicalAnd<A extends number, B extends number>(
      this: Tensor<DType, A>,
      other: Tensor<DType, B>,
    ): Tensor<"bool", BroadcastRank<A, B>>;
    /** See {@link logicalOr}. */
    logicalOr<A extends number, B extends number>(
      this: Tensor<DType, A>,
      other: Tensor<DType, B>,
    ): Tensor<"bool", BroadcastRank<A, B>>;
  }
}
addMethod("equal", equal);
addMethod("notEqual", notEqual);
addMethod("greater", greater);
addMethod("greaterEqual", greaterEqual);
addMethod("less", less);
addMethod("lessEqual", lessEqual);
addMethod("logicalNot", logicalNot);
addMethod("logicalAnd", logicalAnd);
addMethod("logicalOr", logicalOr);

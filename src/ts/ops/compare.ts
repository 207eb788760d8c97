import { DTypeError } from "../errors.js";
import type { DType } from "../dtype.js";
import { defineOp, type Op } from "../op.js";
import { broadcastShapes } from "../shape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { broadcastOperands } from "./operands.js";
import { applyPromoted, type Scalar } from "./scalar.js";

function defineComparison(name: string): (a: Tensor | Scalar, b: Tensor | Scalar) => Tensor<"bool"> {
  const op = defineOp<undefined>({
    name,
    infer: ([a, b]) => [{ shape: broadcastShapes(name, a!.shape, b!.shape), dtype: "bool" }],
    operands: broadcastOperands,
    backward: null,
  });
  return (a, b) => applyPromoted(name, op, "bool", [a, b]) as Tensor<"bool">;
}

/** Whether a = b, elementwise with broadcasting; the operands are promoted as in `add`. NaN equals nothing. @throws ShapeError */
export const equal = defineComparison("equal");
/** Whether a differs from b; otherwise like {@link equal}. */
export const notEqual = defineComparison("notEqual");
/** Whether a > b; otherwise like {@link equal}. */
export const greater = defineComparison("greater");
/** Whether a >= b; otherwise like {@link equal}. */
export const greaterEqual = defineComparison("greaterEqual");
/** Whether a < b; otherwise like {@link equal}. */
export const less = defineComparison("less");
/** Whether a <= b; otherwise like {@link equal}. */
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
export function logicalNot(x: Tensor): Tensor<"bool"> {
  return notOp([x], undefined)[0]! as Tensor<"bool">;
}

/** Whether both are true, elementwise with broadcasting. @throws DTypeError unless both are bool, ShapeError */
export function logicalAnd(a: Tensor, b: Tensor): Tensor<"bool"> {
  return andOp([a, b], undefined)[0]! as Tensor<"bool">;
}

/** Whether one of them is true, elementwise with broadcasting. @throws DTypeError unless both are bool, ShapeError */
export function logicalOr(a: Tensor, b: Tensor): Tensor<"bool"> {
  return orOp([a, b], undefined)[0]! as Tensor<"bool">;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType> {
    /** See {@link equal}. */
    equal(other: Tensor | Scalar): Tensor<"bool">;
    /** See {@link notEqual}. */
    notEqual(other: Tensor | Scalar): Tensor<"bool">;
    /** See {@link greater}. */
    greater(other: Tensor | Scalar): Tensor<"bool">;
    /** See {@link greaterEqual}. */
    greaterEqual(other: Tensor | Scalar): Tensor<"bool">;
    /** See {@link less}. */
    less(other: Tensor | Scalar): Tensor<"bool">;
    /** See {@link lessEqual}. */
    lessEqual(other: Tensor | Scalar): Tensor<"bool">;
    /** See {@link logicalNot}. */
    logicalNot(): Tensor<"bool">;
    /** See {@link logicalAnd}. */
    logicalAnd(other: Tensor): Tensor<"bool">;
    /** See {@link logicalOr}. */
    logicalOr(other: Tensor): Tensor<"bool">;
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

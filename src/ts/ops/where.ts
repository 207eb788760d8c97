import { DTypeError, ShapeError } from "../errors.js";
import type { DType } from "../dtype.js";
import { checkTensor, defineOp } from "../op.js";
import { formatShape, tryBroadcast } from "../shape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { broadcastOperands } from "./operands.js";
import { sumTo } from "./reduce.js";
import { applyPromoted, type Promoted, type Scalar } from "./scalar.js";

const whereOp = defineOp<undefined>({
  name: "where",
  infer: ([condition, a, b]) => {
    const shape = tryBroadcast([condition!.shape, a!.shape, b!.shape]);
    if (shape === null) {
      const [c, x, y] = [condition!, a!, b!].map((operand) => formatShape(operand.shape));
      throw new ShapeError(`where: shapes do not broadcast: the condition is ${c}, a is ${x}, b is ${y}`);
    }
    return [{ shape, dtype: a!.dtype }];
  },
  operands: broadcastOperands,
  save: { inputs: [0] },
  backward: ({ grads, inputs, needs, inputShapes }) => {
    const g = grads[0]!;
    const condition = inputs[0]!;
    return [
      null,
      needs[1] ? sumTo(where(condition, g, 0), inputShapes[1]!) : null,
      needs[2] ? sumTo(where(condition, 0, g), inputShapes[2]!) : null,
    ];
  },
});

/**
 * The elements of `a` where the condition is true and those of `b` elsewhere, with broadcasting. `a` and `b` are
 * promoted as in {@link add}.
 *
 * @throws DTypeError unless the condition is bool. @throws ShapeError when the shapes do not broadcast.
 */
export function where<A extends Tensor | Scalar, B extends Tensor | Scalar>(
  condition: Tensor,
  a: A,
  b: B,
): Promoted<A, B, "bool"> {
  checkTensor("where", condition);
  if (condition.dtype !== "bool") {
    throw new DTypeError(`where: the condition is not bool: its dtype is ${condition.dtype}, expected bool`);
  }
  return applyPromoted("where", whereOp, "bool", [condition, a, b], 1) as Promoted<A, B, "bool">;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType> {
    /** This bool tensor as the condition of {@link where}. */
    where<A extends Tensor | Scalar, B extends Tensor | Scalar>(a: A, b: B): Promoted<A, B, "bool">;
  }
}
addMethod("where", where);

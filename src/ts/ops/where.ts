import { DTypeError } from "../errors.js";
import type { DType } from "../dtype.js";
import { checkTensor, defineOp } from "../op.js";
import { broadcastShapes } from "../shape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { broadcastOperands } from "./arguments.js";
import { sumTo } from "./reduce.js";
import { applyPromoted, type Scalar } from "./scalar.js";

const whereOp = defineOp<undefined>({
  name: "where",
  infer: ([condition, a, b]) => {
    const shape = broadcastShapes("where", a!.shape, b!.shape);
    return [{ shape: broadcastShapes("where", condition!.shape, shape), dtype: a!.dtype }];
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
 * promoted as in `add`.
 *
 * @throws DTypeError unless the condition is bool. @throws ShapeError when the shapes do not broadcast.
 */
export function where(condition: Tensor, a: Tensor | Scalar, b: Tensor | Scalar): Tensor {
  checkTensor("where", condition);
  if (condition.dtype !== "bool") {
    throw new DTypeError(`where: the condition is not bool: its dtype is ${condition.dtype}, expected bool`);
  }
  return applyPromoted("where", whereOp, "bool", [condition, a, b], 1);
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType> {
    /** This bool tensor as the condition of {@link where}. */
    where(a: Tensor | Scalar, b: Tensor | Scalar): Tensor;
  }
}
addMethod("where", where);

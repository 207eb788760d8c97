import { checkDType, isFloating, type DType } from "../dtype.js";
import { defineOp } from "../op.js";
import { addMethod, type Tensor } from "../tensor.js";
import { reshape } from "./reshape.js";

const castOp = defineOp<{ dtype: DType }>({
  name: "cast",
  infer: ([x], { dtype }) => [{ shape: x!.shape, dtype }],
  backward: ({ grads, inputDTypes }) => [isFloating(inputDTypes[0]!) ? cast(grads[0]!, inputDTypes[0]!) : null],
});

/**
 * The elements in another dtype: fractions are cut off, numbers out of range become the nearest that the dtype
 * holds, NaN becomes 0; a bool is whether the element is other than 0. The same dtype gives a view.
 *
 * @throws ArgumentError for an unknown dtype.
 */
export function cast<E extends DType, R extends number>(x: Tensor<DType, R>, dtype: E): Tensor<E, R> {
  checkDType("cast", dtype);
  return (x.dtype === dtype ? reshape(x, x.shape) : castOp([x], { dtype })[0]!) as Tensor<E, R>;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link cast}. */
    cast<E extends DType>(dtype: E): Tensor<E, R>;
  }
}
addMethod("cast", cast as (x: Tensor, dtype: DType) => Tensor);

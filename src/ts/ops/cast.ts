import { checkDType, gradientDType, type DType } from "../dtype.js";
import { checkTensor, defineOp } from "../op.js";
import { addMethod, type Tensor } from "../tensor.js";
import { reshape } from "./reshape.js";

const castOp = defineOp<{ dtype: DType }>({
  name: "cast",
  halves: true,
  infer: ([x], { dtype }) => [{ shape: x!.shape, dtype }],
  backward: ({ grads, inputDTypes }) => {
    const dtype = gradientDType(inputDTypes[0]!);
    return [dtype && cast(grads[0]!, dtype)];
  },
});

/**
 * The elements in another dtype: fractions are cut off, numbers out of range become the nearest that the dtype
 * holds, NaN becomes 0; a bool is whether the element is other than 0. Floating-point numbers are rounded once, to nearest
 * with ties to even, and are infinite where they are too large for the dtype. The same dtype gives a view.
 *
 * The gradient is cast back to the dtype of `x`; that of a bfloat16 or float16 tensor is float32.
 *
 * @throws ArgumentError for an unknown dtype.
 */
export function cast<E extends DType, R extends number>(x: Tensor<DType, R>, dtype: E): Tensor<E, R> {
  checkTensor("cast", x);
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

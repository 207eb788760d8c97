import { checkBoolean, checkOptions } from "../checks.js";
import { isFloating, type DType, type Promote } from "../dtype.js";
import { checkTensor, defineOp, type Op } from "../op.js";
import { normalizeAxis } from "../shape.js";
import { addMethod, type Tensor } from "../tensor.js";

export interface CumSumOptions {
  /** Whether an element is left out of its own sum: 0 comes first. False by default. */
  exclusive?: boolean;
  /** Whether sums run from the axis' end. False by default. */
  reverse?: boolean;
}

const op: Op<{ axis: number; exclusive: boolean; reverse: boolean }> = defineOp({
  name: "cumSum",
  infer: ([x]) => [{ shape: x!.shape, dtype: isFloating(x!.dtype) ? x!.dtype : "int32" }],
  encode: ({ axis, exclusive, reverse }) => [axis, Number(exclusive), Number(reverse)],
  contiguous: true,
  backward: ({ grads, attrs }) => [op([grads[0]!], { ...attrs, reverse: !attrs.reverse })[0]!],
});

/**
 * The running sums along an axis: element i is the sum of the elements up to and with i. Integers and bools give
 * int32, which wraps.
 *
 * @throws ArgumentError for an axis that does not exist, or an option that is not a boolean.
 */
export function cumSum<D extends DType, R extends number>(
  x: Tensor<D, R>,
  axis: number,
  options: CumSumOptions = {},
): Tensor<Promote<D, "int32">, R> {
  checkTensor("cumSum", x);
  checkOptions("cumSum", options, ["exclusive", "reverse"]);
  const exclusive = checkBoolean("cumSum", "exclusive", options.exclusive ?? false);
  const reverse = checkBoolean("cumSum", "reverse", options.reverse ?? false);
  const place = normalizeAxis("cumSum", axis, x.rank);
  return op([x as Tensor], { axis: place, exclusive, reverse })[0]! as Tensor<Promote<D, "int32">, R>;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link cumSum}. */
    cumSum(axis: number, options?: CumSumOptions): Tensor<Promote<D, "int32">, R>;
  }
}
addMethod("cumSum", cumSum);

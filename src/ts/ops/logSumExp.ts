import { checkOptions } from "../checks.js";
import type { DType, FloatOf } from "../dtype.js";
import { addMethod, type Tensor } from "../tensor.js";
import { mul, sub } from "./binary.js";
import { equal } from "./compare.js";
import type { ReducedRank, ReduceOptions } from "./reduce.js";
import { reshape } from "./reshape.js";
import { defineRowReduction, reduceRows } from "./rows.js";
import { exp } from "./unary.js";
import { where } from "./where.js";

const op = defineRowReduction<object>("logSumExp", {
  save: { inputs: [0], outputs: [0] },
  backward: ({ grads, inputs, outputs, attrs }) => {
    const y = reshape(outputs[0]!, attrs.keptShape);
    // Where all is -Infinity, the difference from it would be NaN; exp(-Infinity - 0) is 0.
    const shift = where(equal(y, -Infinity), 0, y);
    return [mul(exp(sub(inputs[0]!, shift)), reshape(grads[0]!, attrs.keptShape))];
  },
});

/**
 * log(sum(exp(x))) along `axis`, without overflow for large elements. -Infinity for none, and where all elements are
 * -Infinity (with gradients of 0); Infinity where one is. Integers and bools give float32.
 *
 * @throws ArgumentError for an axis that does not exist or is named twice.
 */
export function logSumExp<D extends DType, R extends number, const O extends ReduceOptions = object>(
  x: Tensor<D, R>,
  options: O & ReduceOptions = {} as O,
): Tensor<FloatOf<D>, ReducedRank<R, O>> {
  checkOptions("logSumExp", options, ["axis", "keepDims"]);
  return reduceRows("logSumExp", op, x, options, {}) as Tensor<FloatOf<D>, ReducedRank<R, O>>;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link logSumExp}. */
    logSumExp<const O extends ReduceOptions = object>(
      options?: O & ReduceOptions,
    ): Tensor<FloatOf<D>, ReducedRank<R, O>>;
  }
}
addMethod("logSumExp", logSumExp);

import { checkFinite, checkOptions } from "../checks.js";
import type { DType, FloatOf } from "../dtype.js";
import type { BackwardContext } from "../tape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { div, mul, sub } from "./binary.js";
import { equal } from "./compare.js";
import { mean, type ReducedRank, type ReduceOptions } from "./reduce.js";
import { reshape } from "./reshape.js";
import { defineRowReduction, reduceRows, type RowReduction } from "./rows.js";
import { where } from "./where.js";

export interface VarianceOptions extends ReduceOptions {
  /** Delta degrees of freedom: the sum of squares is divided by the number of elements less `ddof`. 0 by default. */
  ddof?: number;
}

interface Attributes {
  readonly ddof: number;
}

const OPTIONS = ["axis", "keepDims", "ddof"];

/** `g` is the gradient of the variance: dx = g * 2 (x - mean) / (count - ddof). */
function varianceGrad(g: Tensor, { attrs, inputs }: BackwardContext<Attributes & RowReduction>): Tensor {
  const { axes, count, ddof, keptShape } = attrs;
  const x = inputs[0]!;
  const scale = mul(reshape(g, keptShape), 2 / Math.max(0, count - ddof));
  return mul(sub(x, mean(x, { axis: axes, keepDims: true })), scale);
}

const varianceOp = defineRowReduction<Attributes>("variance", {
  encode: ({ ddof }) => [ddof, 0],
  save: { inputs: [0] },
  backward: (context) => [varianceGrad(context.grads[0]!, context)],
});

const stdOp = defineRowReduction<Attributes>("std", {
  kernel: "variance",
  encode: ({ ddof }) => [ddof, 1],
  save: { inputs: [0], outputs: [0] },
  backward: (context) => {
    const y = context.outputs[0]!;
    const isZero = equal(y, 0);
    const slope = div(context.grads[0]!, mul(where(isZero, 1, y), 2));
    return [varianceGrad(where(isZero, 0, slope), context)];
  },
});

/**
 * The variance of the elements along `axis`: the mean of the squares of their differences from their mean. Integers
 * and bools give float32. NaN for no elements; where no degree of freedom is left, the division by 0 gives NaN or
 * Infinity (NumPy).
 *
 * @throws ArgumentError for an axis that does not exist or is named twice, or a `ddof` that is not finite.
 */
export function variance<D extends DType, R extends number, const O extends VarianceOptions = object>(
  x: Tensor<D, R>,
  options: O & VarianceOptions = {} as O,
): Tensor<FloatOf<D>, ReducedRank<R, O>> {
  checkOptions("variance", options, OPTIONS);
  const ddof = checkFinite("variance", "ddof", options.ddof ?? 0);
  return reduceRows("variance", varianceOp, x, options, { ddof }) as Tensor<FloatOf<D>, ReducedRank<R, O>>;
}

/** The standard deviation: the root of {@link variance}. Its gradient is 0 where it is 0 (PyTorch). */
export function std<D extends DType, R extends number, const O extends VarianceOptions = object>(
  x: Tensor<D, R>,
  options: O & VarianceOptions = {} as O,
): Tensor<FloatOf<D>, ReducedRank<R, O>> {
  checkOptions("std", options, OPTIONS);
  const ddof = checkFinite("std", "ddof", options.ddof ?? 0);
  return reduceRows("std", stdOp, x, options, { ddof }) as Tensor<FloatOf<D>, ReducedRank<R, O>>;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link variance}. */
    variance<const O extends VarianceOptions = object>(
      options?: O & VarianceOptions,
    ): Tensor<FloatOf<D>, ReducedRank<R, O>>;
    /** See {@link std}. */
    std<const O extends VarianceOptions = object>(options?: O & VarianceOptions): Tensor<FloatOf<D>, ReducedRank<R, O>>;
  }
}
addMethod("variance", variance);
addMethod("std", std);

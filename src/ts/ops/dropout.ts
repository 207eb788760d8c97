import { ArgumentError } from "../errors.js";
import type { DType } from "../dtype.js";
import { checkTensor, defineOp, type Op } from "../op.js";
import { takeRandom } from "../random.js";
import { addMethod, type Tensor } from "../tensor.js";
import { checkFloating, checkNumber } from "./arguments.js";

/** Which elements are dropped: `rate` of them, by the numbers that Philox gives from this block on. */
export interface Draw {
  readonly seed: number;
  readonly counter: number;
  readonly rate: number;
}

// x, residual? Linear in x: the same numbers, drawn again, give its gradient.
const op: Op<Draw> = defineOp({
  name: "dropout",
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  encode: ({ seed, counter, rate }) => [seed, counter, rate],
  contiguous: true,
  backward: ({ grads, needs, attrs }) =>
    needs.map((needed, i) => (!needed ? null : i === 0 ? op([grads[0]!], attrs)[0]! : grads[0]!)),
});

/** @internal The dropout of numbers that were drawn before. */
export function dropoutFrom(x: Tensor, draw: Draw): Tensor {
  return op([x], draw)[0]!;
}

/** @internal `dropout(x, rate)` plus a residual of its shape and dtype, in one pass. */
export function dropoutAdding(x: Tensor, rate: number, residual: Tensor): Tensor {
  return op([x, residual], { ...takeRandom(x.size), rate })[0]!;
}

/**
 * Sets a random part of the elements, `rate` of them on average, to 0 and scales the others by 1 / (1 - rate)
 * (Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15, 2014). The result is always random: leave the
 * call out where nothing is trained. {@link setSeed} makes it repeatable.
 *
 * @throws ArgumentError unless 0 <= rate < 1. @throws DTypeError for integer tensors.
 */
export function dropout<D extends DType>(x: Tensor<D>, rate: number): Tensor<D> {
  checkTensor("dropout", x);
  const checked = checkNumber("dropout", "the rate", rate);
  if (checked < 0 || checked >= 1) {
    throw new ArgumentError(`dropout: the rate is out of range: ${rate}, expected a number of at least 0 and below 1`);
  }
  checkFloating("dropout", "x", x);
  return op([x], { ...takeRandom(x.size), rate: checked })[0]! as Tensor<D>;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType> {
    /** See {@link dropout}. */
    dropout(rate: number): Tensor<D>;
  }
}
addMethod("dropout", dropout);

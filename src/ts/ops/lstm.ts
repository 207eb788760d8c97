import type { DType } from "../dtype.js";
import type { Tensor } from "../tensor.js";
import { add, mul } from "./binary.js";
import { matmul } from "./matmul.js";
import type { Optional } from "./normalization.js";
import { maskedState, type Cell } from "./recurrent-composition.js";
import {
  checkRecurrent,
  defineRecurrent,
  defineRecurrentGrad,
  runRecurrent,
  type RecurrentOptions,
  type RecurrentResult,
} from "./recurrent.js";
import { split } from "./split.js";
import { sigmoid, tanh } from "./unary.js";

export interface LstmOptions extends RecurrentOptions {
  /** [h, c] before the first step, [batch, units] each; zeros by default. */
  initialState?: readonly [h: Tensor, c: Tensor] | null;
}

/** @internal */
export const lstmCell: Cell = {
  gates: 4,
  biasRows: 1,
  states: ["h", "c"],
  anyActivation: false,
  step: (x, [h, c], weights) => {
    const { kernel, recurrentKernel, bias } = weights;
    const projected = matmul(x, kernel, bias ? { bias } : {});
    const [i, f, g, o] = split(add(projected, matmul(maskedState(h!, weights), recurrentKernel)), 4, 1) as Tensor[];
    const next = add(mul(sigmoid(f!), c!), mul(sigmoid(i!), tanh(g!)));
    return [mul(sigmoid(o!), tanh(next)), next];
  },
};

const lstmOp = defineRecurrent("lstm", lstmCell, 6, defineRecurrentGrad("lstmGrad", lstmCell));

/**
 * A layer of long short-term memory (Hochreiter and Schmidhuber, 1997, with the forget gates of Gers, Schmidhuber and
 * Cummins, 2000) over sequences x [batch, time, features]. float32 or float64.
 *
 * Each step computes, with z = x @ kernel + h @ recurrentKernel + bias cut into the gates i, f, g, o,
 * c = sigmoid(f) c + sigmoid(i) tanh(g) and h = sigmoid(o) tanh(c). `kernel` is [features, 4 units],
 * `recurrentKernel` [units, 4 units], and the bias, which may be left out (null), [4 units], as Keras has them.
 *
 * The result is the output h of the last step, [batch, units]; with `returnSequences` those of all steps,
 * [batch, time, units]; with `returnState` a list of that and of the last states, `[y, h, c]`. With a mask the last
 * output and the last h may differ. Without any step the last output is the state that was given, or zeros.
 *
 * @throws ShapeError when x has no 3 dimensions or another tensor does not fit. @throws DTypeError for integers, when
 * the dtypes differ, or for a mask that is not bool. @throws ArgumentError for an unknown option, or an initial state
 * that is not a list of two.
 */
export function lstm<D extends DType, O extends LstmOptions = object>(
  x: Tensor<D>,
  kernel: Tensor,
  recurrentKernel: Tensor,
  bias?: Optional,
  options: O & LstmOptions = {} as O,
): RecurrentResult<D, O, [h: Tensor<D, 2>, c: Tensor<D, 2>]> {
  const call = checkRecurrent("lstm", lstmCell, [x, kernel, recurrentKernel], bias, options);
  return runRecurrent(lstmOp, lstmCell, call) as RecurrentResult<D, O, [h: Tensor<D, 2>, c: Tensor<D, 2>]>;
}

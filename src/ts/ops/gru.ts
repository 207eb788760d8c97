import type { DType } from "../dtype.js";
import type { Tensor } from "../tensor.js";
import { add, mul, sub } from "./binary.js";
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
import { index } from "./slice.js";
import { split } from "./split.js";
import { sigmoid, tanh } from "./unary.js";

export interface GruOptions extends RecurrentOptions {
  /** [h] before the first step, [batch, units]; zeros by default. */
  initialState?: readonly [h: Tensor] | null;
}

/** @internal */
export const gruCell: Cell = {
  gates: 3,
  biasRows: 2,
  states: ["h"],
  anyActivation: false,
  step: (x, [h], weights) => {
    const { kernel, recurrentKernel, bias } = weights;
    const gates = (input: Tensor, matrix: Tensor, row: number): Tensor[] =>
      split(matmul(input, matrix, bias ? { bias: index(bias, row) } : {}), 3, 1) as Tensor[];
    const [xz, xr, xh] = gates(x, kernel, 0);
    const [hz, hr, hh] = gates(maskedState(h!, weights), recurrentKernel, 1);
    const z = sigmoid(add(xz!, hz!));
    const r = sigmoid(add(xr!, hr!));
    const candidate = tanh(add(xh!, mul(r, hh!)));
    return [add(mul(z, h!), mul(sub(1, z), candidate))];
  },
};

const gruOp = defineRecurrent("gru", gruCell, 5, defineRecurrentGrad("gruGrad", gruCell));

/**
 * A layer of gated recurrent units (Cho et al., 2014) over sequences x [batch, time, features], in the form that Keras
 * calls `reset_after`, which is cuDNN's and PyTorch's. float32 or float64.
 *
 * Each step computes, with a = x @ kernel + bias[0] and b = h @ recurrentKernel + bias[1], each cut into the gates
 * z, r, h: z = sigmoid(a_z + b_z), r = sigmoid(a_r + b_r), and h = z h + (1 - z) tanh(a_h + r b_h). `kernel` is
 * [features, 3 units], `recurrentKernel` [units, 3 units], and the bias, which may be left out (null), [2, 3 units].
 *
 * The result is the output h of the last step, [batch, units]; with `returnSequences` those of all steps,
 * [batch, time, units]; with `returnState` a list of that and of the last state, `[y, h]`. With a mask the last output
 * and the last h may differ. Without any step the last output is the state that was given, or zeros.
 *
 * @throws ShapeError when x has no 3 dimensions or another tensor does not fit. @throws DTypeError for integers, when
 * the dtypes differ, or for a mask that is not bool. @throws ArgumentError for an unknown option, or an initial state
 * that is not a list of one.
 */
export function gru<D extends DType, O extends GruOptions = object>(
  x: Tensor<D>,
  kernel: Tensor,
  recurrentKernel: Tensor,
  bias?: Optional,
  options: O & GruOptions = {} as O,
): RecurrentResult<D, O, [h: Tensor<D, 2>]> {
  const call = checkRecurrent("gru", gruCell, [x, kernel, recurrentKernel], bias, options);
  return runRecurrent(gruOp, gruCell, call) as RecurrentResult<D, O, [h: Tensor<D, 2>]>;
}

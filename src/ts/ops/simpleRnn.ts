import type { DType } from "../dtype.js";
import type { Tensor } from "../tensor.js";
import { add } from "./binary.js";
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
import { relu, tanh } from "./unary.js";

export interface SimpleRnnOptions extends RecurrentOptions {
  /** [h] before the first step, [batch, units]; zeros by default. */
  initialState?: readonly [h: Tensor] | null;
  /** What a step does with its sum; "tanh" by default. */
  activation?: "tanh" | "relu";
}

/** @internal */
export const simpleRnnCell: Cell = {
  gates: 1,
  biasRows: 1,
  states: ["h"],
  anyActivation: true,
  step: (x, [h], weights, activation) => {
    const { kernel, recurrentKernel, bias } = weights;
    const z = add(matmul(x, kernel, bias ? { bias } : {}), matmul(maskedState(h!, weights), recurrentKernel)) as Tensor;
    return [activation === "tanh" ? tanh(z) : relu(z)];
  },
};

const simpleRnnOp = defineRecurrent("simpleRnn", simpleRnnCell, 1, defineRecurrentGrad("simpleRnnGrad", simpleRnnCell));

/**
 * A layer of fully connected recurrent units (Elman, 1990) over sequences x [batch, time, features]: each step computes
 * h = activation(x @ kernel + h @ recurrentKernel + bias). float32 or float64. `kernel` is [features, units],
 * `recurrentKernel` [units, units], and the bias, which may be left out (null), [units].
 *
 * The result is the output h of the last step, [batch, units]; with `returnSequences` those of all steps,
 * [batch, time, units]; with `returnState` a list of that and of the last state, `[y, h]`. With a mask the last output
 * and the last h may differ. Without any step the last output is the state that was given, or zeros.
 *
 * @throws ShapeError when x has no 3 dimensions or another tensor does not fit. @throws DTypeError for integers, when
 * the dtypes differ, or for a mask that is not bool. @throws ArgumentError for an unknown option or activation, or an
 * initial state that is not a list of one.
 */
export function simpleRnn<D extends DType, O extends SimpleRnnOptions = object>(
  x: Tensor<D>,
  kernel: Tensor,
  recurrentKernel: Tensor,
  bias?: Optional,
  options: O & SimpleRnnOptions = {} as O,
): RecurrentResult<D, O, [h: Tensor<D, 2>]> {
  const call = checkRecurrent("simpleRnn", simpleRnnCell, [x, kernel, recurrentKernel], bias, options);
  return runRecurrent(simpleRnnOp, simpleRnnCell, call) as RecurrentResult<D, O, [h: Tensor<D, 2>]>;
}

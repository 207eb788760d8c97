import { wrong } from "../checks.js";
import { checkChoice } from "../ops/arguments.js";
import { gru, gruCell } from "../ops/gru.js";
import type { Tensor } from "../tensor.js";
import { RecurrentLayer, type RecurrentCourse, type RecurrentOptions } from "./recurrent.js";

export interface GRUOptions<State extends boolean = boolean> extends RecurrentOptions<State> {
  /** "tanh", the only one there is. */
  activation?: "tanh";
  /** Of the gates: "sigmoid", the only one there is. */
  recurrentActivation?: "sigmoid";
  /** Whether the reset gate comes after the recurrent product: true, the only form there is. */
  resetAfter?: true;
}

/**
 * Gated recurrent units over sequences [batch, time, features]: see {@link gru}. Gives the last output [batch, units],
 * or what `returnSequences` and `returnState` ask for: the state is h.
 */
export class GRU<State extends boolean = false> extends RecurrentLayer<State> {
  protected readonly cell = gruCell;

  constructor(options: GRUOptions<State>) {
    super(options, ["activation", "recurrentActivation", "resetAfter"]);
    checkChoice(this.name, "activation", options.activation ?? "tanh", ["tanh"]);
    checkChoice(this.name, "recurrentActivation", options.recurrentActivation ?? "sigmoid", ["sigmoid"]);
    if ((options.resetAfter ?? true) !== true) throw wrong(this.name, "resetAfter", options.resetAfter, "true");
  }

  protected compute(x: Tensor, { initialState, ...course }: RecurrentCourse & { returnState: true }): Tensor[] {
    const options = { ...course, initialState: initialState as [Tensor] | null };
    return gru(x, this.kernel!, this.recurrentKernel!, this.bias, options);
  }
}

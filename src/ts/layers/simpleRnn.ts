import { checkChoice } from "../ops/arguments.js";
import { CELL_ACTIVATIONS, type CellActivation } from "../ops/recurrent-composition.js";
import { simpleRnn, simpleRnnCell } from "../ops/simpleRnn.js";
import type { Tensor } from "../tensor.js";
import { RecurrentLayer, type RecurrentCourse, type RecurrentOptions } from "./recurrent.js";

export interface SimpleRNNOptions<State extends boolean = boolean> extends RecurrentOptions<State> {
  /** "tanh" (the default) or "relu". */
  activation?: CellActivation;
}

/**
 * Fully connected recurrent units over sequences [batch, time, features]: see {@link simpleRnn}. Gives the last output
 * [batch, units], or what `returnSequences` and `returnState` ask for: the state is h.
 */
export class SimpleRNN<State extends boolean = false> extends RecurrentLayer<State> {
  protected readonly cell = simpleRnnCell;
  protected override readonly cellActivation: CellActivation;

  constructor(options: SimpleRNNOptions<State>) {
    super(options, ["activation"]);
    this.cellActivation = checkChoice(this.name, "activation", options.activation ?? "tanh", CELL_ACTIVATIONS);
  }

  protected compute(x: Tensor, { initialState, ...course }: RecurrentCourse & { returnState: true }): Tensor[] {
    const options = { ...course, initialState: initialState as [Tensor] | null, activation: this.cellActivation };
    return simpleRnn(x, this.kernel!, this.recurrentKernel!, this.bias, options);
  }
}

import { checkBoolean } from "../checks.js";
import { checkChoice } from "../ops/arguments.js";
import { concat } from "../ops/concat.js";
import { ones } from "../ops/creation.js";
import { lstm, lstmCell } from "../ops/lstm.js";
import { resolveInitializer, type InitializerLike } from "../resolve.js";
import type { Tensor } from "../tensor.js";
import { RecurrentLayer, type RecurrentCourse, type RecurrentOptions } from "./recurrent.js";

export interface LSTMOptions<State extends boolean = boolean> extends RecurrentOptions<State> {
  /** "tanh", the only one there is. */
  activation?: "tanh";
  /** Of the gates: "sigmoid", the only one there is. */
  recurrentActivation?: "sigmoid";
  /** Whether the bias of the forget gate begins at 1; true by default. */
  unitForgetBias?: boolean;
}

/**
 * Long short-term memory over sequences [batch, time, features]: see {@link lstm}. Gives the last output [batch, units],
 * or what `returnSequences` and `returnState` ask for: the states are h and c.
 */
export class LSTM<State extends boolean = false> extends RecurrentLayer<State> {
  readonly unitForgetBias: boolean;
  protected readonly cell = lstmCell;

  constructor(options: LSTMOptions<State>) {
    super(options, ["activation", "recurrentActivation", "unitForgetBias"]);
    checkChoice(this.name, "activation", options.activation ?? "tanh", ["tanh"]);
    checkChoice(this.name, "recurrentActivation", options.recurrentActivation ?? "sigmoid", ["sigmoid"]);
    this.unitForgetBias = checkBoolean(this.name, "unitForgetBias", options.unitForgetBias ?? true);
  }

  protected override biasInitializer(given: InitializerLike): InitializerLike {
    if (!this.unitForgetBias) return given;
    const { units } = this;
    const initializer = resolveInitializer(this.name, given);
    return (_, dtype) =>
      concat([initializer.call([units], dtype), ones([units], { dtype }), initializer.call([2 * units], dtype)]);
  }

  protected compute(x: Tensor, { initialState, ...course }: RecurrentCourse & { returnState: true }): Tensor[] {
    const options = { ...course, initialState: initialState as [Tensor, Tensor] | null };
    return lstm(x, this.kernel!, this.recurrentKernel!, this.bias, options);
  }
}

import { checkOptions, wrong } from "../checks.js";
import type { Callback } from "../models/callbacks.js";

export type LambdaCallbackOptions = Omit<Callback, "setModel">;

const HOOKS = [
  "onTrainBegin",
  "onTrainEnd",
  "onEpochBegin",
  "onEpochEnd",
  "onTrainBatchBegin",
  "onTrainBatchEnd",
] as const;

/** A callback of functions. A plain object with these functions does as well; this one refuses names that are none. */
export class LambdaCallback implements Callback {
  declare readonly onTrainBegin?: NonNullable<Callback["onTrainBegin"]>;
  declare readonly onTrainEnd?: NonNullable<Callback["onTrainEnd"]>;
  declare readonly onEpochBegin?: NonNullable<Callback["onEpochBegin"]>;
  declare readonly onEpochEnd?: NonNullable<Callback["onEpochEnd"]>;
  declare readonly onTrainBatchBegin?: NonNullable<Callback["onTrainBatchBegin"]>;
  declare readonly onTrainBatchEnd?: NonNullable<Callback["onTrainBatchEnd"]>;

  /** @throws ArgumentError for a name that is none, and for what is no function. */
  constructor(functions: LambdaCallbackOptions) {
    checkOptions("LambdaCallback", functions, HOOKS);
    for (const name of HOOKS) {
      const hook: unknown = functions[name];
      if (hook !== undefined && typeof hook !== "function") throw wrong("LambdaCallback", name, hook, "a function");
    }
    Object.assign(this, functions);
  }
}

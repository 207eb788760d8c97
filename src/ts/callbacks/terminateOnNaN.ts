import { checkBoolean, checkOptions } from "../checks.js";
import { AnomalyError } from "../errors.js";
import type { Callback } from "../models/callbacks.js";
import type { Logs } from "../models/history.js";
import type { AnyModel } from "../models/model.js";

export interface TerminateOnNaNOptions {
  /** Whether the training rejects, in place of ending as `stopTraining` ends it; false by default. */
  raiseError?: boolean;
}

/** Ends the training when the loss is NaN or infinite. Reads the loss of every batch, so the device waits for it. */
export class TerminateOnNaN implements Callback {
  private readonly raiseError: boolean;
  private model!: AnyModel;

  /** @throws ArgumentError for options that are not what they should be. */
  constructor(options: TerminateOnNaNOptions = {}) {
    checkOptions("TerminateOnNaN", options, ["raiseError"]);
    this.raiseError = checkBoolean("TerminateOnNaN", "raiseError", options.raiseError ?? false);
  }

  setModel(model: AnyModel): void {
    this.model = model;
  }

  async onTrainBatchEnd(batch: number, logs: () => Promise<Logs>): Promise<void> {
    const loss = (await logs())["loss"]!;
    if (Number.isFinite(loss)) return;
    const message = `TerminateOnNaN: the loss is not finite: ${loss} at batch ${batch}`;
    if (this.raiseError) throw new AnomalyError(message);
    console.warn(`${message}, the training ends`);
    this.model.stopTraining = true;
  }
}

import { checkBoolean, checkFinite } from "../checks.js";
import type { Logs } from "../models/history.js";
import { checkInteger } from "../ops/arguments.js";
import type { Tensor } from "../tensor.js";
import { Monitor, type MonitorOptions } from "./monitor.js";

export interface EarlyStoppingOptions extends MonitorOptions {
  /** A change of less is none; 0 by default. */
  minDelta?: number;
  /** After so many epochs without a better figure the training ends; 0 by default. */
  patience?: number;
  /** The figure has to become better than this too. */
  baseline?: number;
  /** Whether the model gets back the weights of its best epoch; false by default. */
  restoreBestWeights?: boolean;
  /** The number of the first epoch that counts; 0 by default. */
  startFromEpoch?: number;
  /** 1 prints a line when the training is ended; 0 by default. */
  verbose?: 0 | 1;
}

/** Ends the training when a figure no longer becomes better. */
export class EarlyStopping extends Monitor {
  private readonly patience: number;
  private readonly baseline: number | null;
  private readonly restoreBestWeights: boolean;
  private readonly startFromEpoch: number;
  private wait = 0;
  private stoppedEpoch: number | null = null;
  private bestEpoch = 0;
  private bestWeights: Tensor[] | null = null;

  /** @throws ArgumentError for options that are not what they should be. */
  constructor(options: EarlyStoppingOptions = {}) {
    const names = ["minDelta", "patience", "baseline", "restoreBestWeights", "startFromEpoch"];
    super("EarlyStopping", options, names);
    this.patience = checkInteger(this.op, "patience", options.patience ?? 0, 0);
    this.baseline = options.baseline === undefined ? null : checkFinite(this.op, "baseline", options.baseline);
    this.restoreBestWeights = checkBoolean(this.op, "restoreBestWeights", options.restoreBestWeights ?? false);
    this.startFromEpoch = checkInteger(this.op, "startFromEpoch", options.startFromEpoch ?? 0, 0);
  }

  onTrainBegin(): void {
    this.wait = 0;
    this.stoppedEpoch = this.best = null;
    this.forgetWeights();
  }

  onEpochEnd(epoch: number, logs: Logs): void {
    const value = this.current(logs);
    if (epoch < this.startFromEpoch) return;
    if (this.bestWeights === null) this.rememberWeights(epoch);
    this.wait++;
    if (this.isBetter(value, this.best)) {
      this.best = value;
      this.rememberWeights(epoch);
      if (this.baseline === null || this.isBetter(value, this.baseline)) this.wait = 0;
    } else if (this.wait >= this.patience && epoch > 0) {
      this.stoppedEpoch = epoch;
      this.model.stopTraining = true;
    }
  }

  onTrainEnd(): void {
    if (this.stoppedEpoch !== null) this.say(`Epoch ${this.stoppedEpoch + 1}: early stopping`);
    if (this.bestWeights === null) return;
    this.say(`The weights are those of the best epoch, ${this.bestEpoch + 1}`);
    this.model.setWeights(this.bestWeights);
    this.forgetWeights();
  }

  private rememberWeights(epoch: number): void {
    if (!this.restoreBestWeights) return;
    this.forgetWeights();
    this.bestWeights = this.model.getWeights();
    this.bestEpoch = epoch;
  }

  private forgetWeights(): void {
    for (const weight of this.bestWeights ?? []) weight.dispose();
    this.bestWeights = null;
  }
}

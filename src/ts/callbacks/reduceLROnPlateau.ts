import { checkRange } from "../checks.js";
import type { Logs } from "../models/history.js";
import { checkInteger } from "../ops/arguments.js";
import { Monitor, type MonitorOptions } from "./monitor.js";

export interface ReduceLROnPlateauOptions extends MonitorOptions {
  /** What the learning rate is multiplied by, from 0 to below 1; 0.1 by default. */
  factor?: number;
  /** So many epochs without a better figure reduce the rate; 10 by default. */
  patience?: number;
  /** A change of less is none; 0.0001 by default. */
  minDelta?: number;
  /** How many epochs after a reduction are not counted; 0 by default. */
  cooldown?: number;
  /** The rate never gets below this; 0 by default. */
  minLr?: number;
  /** 1 prints a line at each reduction; 0 by default. */
  verbose?: 0 | 1;
}

/** Reduces the learning rate when a figure no longer becomes better. The History has the rates as `learningRate`. */
export class ReduceLROnPlateau extends Monitor {
  private readonly factor: number;
  private readonly patience: number;
  private readonly cooldown: number;
  private readonly minLr: number;
  private wait = 0;
  private coolingFor = 0;

  /** @throws ArgumentError for options that are not what they should be. */
  constructor(options: ReduceLROnPlateauOptions = {}) {
    super("ReduceLROnPlateau", options, ["factor", "patience", "minDelta", "cooldown", "minLr"], 1e-4);
    this.factor = checkRange(this.op, "factor", options.factor ?? 0.1, 0, 1);
    this.patience = checkInteger(this.op, "patience", options.patience ?? 10, 0);
    this.cooldown = checkInteger(this.op, "cooldown", options.cooldown ?? 0, 0);
    this.minLr = checkRange(this.op, "minLr", options.minLr ?? 0, 0);
  }

  onTrainBegin(): void {
    this.best = null;
    this.wait = this.coolingFor = 0;
  }

  onEpochEnd(epoch: number, logs: Logs): void {
    const value = this.current(logs);
    logs["learningRate"] = this.model.optimizer!.learningRate;
    if (this.coolingFor > 0) {
      this.coolingFor--;
      this.wait = 0;
    }
    if (this.isBetter(value, this.best)) {
      this.best = value;
      this.wait = 0;
    } else if (this.coolingFor === 0 && ++this.wait >= this.patience) this.reduce(epoch);
  }

  private reduce(epoch: number): void {
    const optimizer = this.model.optimizer!;
    if (optimizer.learningRate <= this.minLr) return;
    optimizer.learningRate = Math.max(optimizer.learningRate * this.factor, this.minLr);
    this.say(`Epoch ${epoch + 1}: the learning rate is reduced to ${optimizer.learningRate}`);
    this.coolingFor = this.cooldown;
    this.wait = 0;
  }
}

import { checkOptions, wrong } from "../checks.js";
import type { Callback } from "../models/callbacks.js";
import type { Logs } from "../models/history.js";
import type { AnyModel } from "../models/model.js";
import { checkVerbosity } from "./monitor.js";

export interface LearningRateSchedulerOptions {
  /** Gives the learning rate of an epoch, counted from 0, from the one that it was so far. */
  schedule: (epoch: number, learningRate: number) => number;
  /** 1 prints a line an epoch; 0 by default. */
  verbose?: 0 | 1;
}

/** Sets the learning rate when an epoch begins. The History has the rates as `learningRate`. */
export class LearningRateScheduler implements Callback {
  private readonly schedule: (epoch: number, learningRate: number) => number;
  private readonly verbose: boolean;
  private model!: AnyModel;

  /** @throws ArgumentError for options that are not what they should be. */
  constructor(options: LearningRateSchedulerOptions) {
    const op = "LearningRateScheduler";
    checkOptions(op, options, ["schedule", "verbose"]);
    if (typeof options.schedule !== "function") throw wrong(op, "schedule", options.schedule, "a function");
    this.schedule = options.schedule;
    this.verbose = checkVerbosity(op, options.verbose);
  }

  setModel(model: AnyModel): void {
    this.model = model;
  }

  onEpochBegin(epoch: number): void {
    const optimizer = this.model.optimizer!;
    const before = optimizer.learningRate;
    const rate: unknown = this.schedule(epoch, before);
    if (typeof rate !== "number") {
      throw wrong("LearningRateScheduler", `schedule(${epoch}, ${before})`, rate, "a number");
    }
    optimizer.learningRate = rate;
    if (this.verbose) console.log(`Epoch ${epoch + 1}: the learning rate is ${rate}`);
  }

  onEpochEnd(_epoch: number, logs: Logs): void {
    logs["learningRate"] = this.model.optimizer!.learningRate;
  }
}

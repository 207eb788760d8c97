import { checkBoolean, checkRange } from "../checks.js";
import { Optimizer, type OptimizerOptions } from "./optimizer.js";
import type { LearningRateSchedule } from "./schedules.js";
import { defineStep } from "./step.js";

export interface SGDOptions extends OptimizerOptions {
  /** 0.01 by default. */
  learningRate?: number | LearningRateSchedule;
  /** How much of the last step is taken again; 0 by default. */
  momentum?: number;
  /** Whether the gradient counts as if it were taken after the momentum's step (Nesterov). */
  nesterov?: boolean;
}

const sgdStep = defineStep("sgdStep");

/**
 * Stochastic gradient descent: `parameter -= learningRate * gradient`, with momentum if asked for (Sutskever et al.,
 * "On the importance of initialization and momentum in deep learning", 2013).
 */
export class SGD extends Optimizer {
  readonly momentum: number;
  readonly nesterov: boolean;
  protected readonly kernel = sgdStep;
  protected readonly slots: readonly number[];

  constructor(options: SGDOptions = {}) {
    super("SGD", options, ["momentum", "nesterov"], 0.01);
    this.momentum = checkRange(this.name, "momentum", options.momentum ?? 0, 0, 1);
    this.nesterov = checkBoolean(this.name, "nesterov", options.nesterov ?? false);
    this.slots = this.momentum === 0 ? [] : [0];
  }

  protected rule(): readonly number[] {
    return [this.momentum, this.nesterov ? 1 : 0];
  }
}

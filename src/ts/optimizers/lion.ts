import { checkRange, wrong } from "../checks.js";
import { Optimizer, type OptimizerOptions } from "./optimizer.js";
import type { LearningRateSchedule } from "./schedules.js";
import { defineStep } from "./step.js";

export interface LionOptions extends OptimizerOptions {
  /** 0.001 by default. */
  learningRate?: number | LearningRateSchedule;
  /** How much the running mean of gradients counts for the step's direction, above 0; 0.9 by default. */
  beta1?: number;
  /** How much the running mean of gradients keeps in a step; 0.99 by default. */
  beta2?: number;
}

const lionStep = defineStep("lionStep");

/**
 * Lion (Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023): every element moves by the learning rate,
 * in the direction of a mean of the gradient and the running mean of gradients.
 */
export class Lion extends Optimizer {
  readonly beta1: number;
  readonly beta2: number;
  protected readonly kernel = lionStep;
  protected readonly slots = [0];

  constructor(options: LionOptions = {}) {
    super("Lion", options, ["beta1", "beta2"], 0.001);
    this.beta1 = checkRange(this.name, "beta1", options.beta1 ?? 0.9, 0, 1);
    if (this.beta1 === 0) throw wrong(this.name, "beta1", 0, "a number above 0: the running mean would not count");
    this.beta2 = checkRange(this.name, "beta2", options.beta2 ?? 0.99, 0, 1);
  }

  protected rule(): readonly number[] {
    return [this.beta1, this.beta2];
  }
}

import { checkRange } from "../checks.js";
import { Optimizer, type OptimizerOptions } from "./optimizer.js";
import type { LearningRateSchedule } from "./schedules.js";
import { defineStep } from "./step.js";

export interface AdamaxOptions extends OptimizerOptions {
  /** 0.001 by default. */
  learningRate?: number | LearningRateSchedule;
  /** How much the running mean of gradients keeps in a step; 0.9 by default. */
  beta1?: number;
  /** How much the running maximum of the gradients' size keeps in a step; 0.999 by default. */
  beta2?: number;
  /** Keeps the divisor away from zero; 1e-7 by default. */
  epsilon?: number;
}

const adamaxStep = defineStep("adamaxStep");

/**
 * Adamax (Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2014, section 7.1): Adam with a running maximum
 * of the gradients' size in the place of the root of their mean of squares.
 */
export class Adamax extends Optimizer {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  protected readonly kernel = adamaxStep;
  protected readonly slots = [0, 0];

  constructor(options: AdamaxOptions = {}) {
    super("Adamax", options, ["beta1", "beta2", "epsilon"], 0.001);
    this.beta1 = checkRange(this.name, "beta1", options.beta1 ?? 0.9, 0, 1);
    this.beta2 = checkRange(this.name, "beta2", options.beta2 ?? 0.999, 0, 1);
    this.epsilon = checkRange(this.name, "epsilon", options.epsilon ?? 1e-7, 0);
  }

  protected rule(): readonly number[] {
    return [this.beta1, this.beta2, this.epsilon, this.iterations];
  }
}

import { checkBoolean, checkRange } from "../checks.js";
import { Optimizer, type OptimizerOptions } from "./optimizer.js";
import type { LearningRateSchedule } from "./schedules.js";
import { defineStep } from "./step.js";

export interface AdamOptions extends OptimizerOptions {
  /** 0.001 by default. */
  learningRate?: number | LearningRateSchedule;
  /** How much the running mean of gradients keeps in a step; 0.9 by default. */
  beta1?: number;
  /** How much the running mean of squared gradients keeps in a step; 0.999 by default. */
  beta2?: number;
  /** Keeps the divisor away from zero; 1e-7 by default. */
  epsilon?: number;
  /** Whether the greatest mean of squares so far takes the place of the last; false by default. */
  amsgrad?: boolean;
}

const adamStep = defineStep("adamStep");

/**
 * Adam (Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2014): steps scaled by running means of the
 * gradients and of their squares. `amsgrad` is the variant of Reddi, Kale and Kumar, "On the Convergence of Adam and
 * Beyond", 2018.
 */
export class Adam extends Optimizer {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly amsgrad: boolean;
  protected readonly kernel = adamStep;
  protected readonly slots: readonly number[];

  /** `defaults` are those in which a variant differs. */
  constructor(
    options: AdamOptions = {},
    defaults: { name: string; weightDecay: number } = { name: "Adam", weightDecay: 0 },
  ) {
    super(defaults.name, options, ["beta1", "beta2", "epsilon", "amsgrad"], 0.001, defaults.weightDecay);
    this.beta1 = checkRange(this.name, "beta1", options.beta1 ?? 0.9, 0, 1);
    this.beta2 = checkRange(this.name, "beta2", options.beta2 ?? 0.999, 0, 1);
    this.epsilon = checkRange(this.name, "epsilon", options.epsilon ?? 1e-7, 0);
    this.amsgrad = checkBoolean(this.name, "amsgrad", options.amsgrad ?? false);
    this.slots = this.amsgrad ? [0, 0, 0] : [0, 0];
  }

  protected rule(): readonly number[] {
    return [this.beta1, this.beta2, this.epsilon, this.iterations, this.amsgrad ? 1 : 0];
  }
}

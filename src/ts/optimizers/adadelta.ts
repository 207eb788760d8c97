import { checkRange } from "../checks.js";
import { Optimizer, type OptimizerOptions } from "./optimizer.js";
import type { LearningRateSchedule } from "./schedules.js";
import { defineStep } from "./step.js";

export interface AdadeltaOptions extends OptimizerOptions {
  /** 0.001 by default; the paper has 1. */
  learningRate?: number | LearningRateSchedule;
  /** How much the running means keep in a step; 0.95 by default. */
  rho?: number;
  /** Is added to the means of squares before the roots; 1e-7 by default. */
  epsilon?: number;
}

const adadeltaStep = defineStep("adadeltaStep");

/**
 * Adadelta (Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012): steps in proportion to the root of a running
 * mean of squared steps, divided by that of squared gradients.
 */
export class Adadelta extends Optimizer {
  readonly rho: number;
  readonly epsilon: number;
  protected readonly kernel = adadeltaStep;
  protected readonly slots = [0, 0];

  constructor(options: AdadeltaOptions = {}) {
    super("Adadelta", options, ["rho", "epsilon"], 0.001);
    this.rho = checkRange(this.name, "rho", options.rho ?? 0.95, 0, 1);
    this.epsilon = checkRange(this.name, "epsilon", options.epsilon ?? 1e-7, 0);
  }

  protected rule(): readonly number[] {
    return [this.rho, this.epsilon];
  }
}

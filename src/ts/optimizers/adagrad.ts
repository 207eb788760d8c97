import { checkRange } from "../checks.js";
import { Optimizer, type OptimizerOptions } from "./optimizer.js";
import type { LearningRateSchedule } from "./schedules.js";
import { defineStep } from "./step.js";

export interface AdagradOptions extends OptimizerOptions {
  /** 0.001 by default. */
  learningRate?: number | LearningRateSchedule;
  /** What the sums of squared gradients start from; 0.1 by default. */
  initialAccumulatorValue?: number;
  /** Is added to the sum before the root; 1e-7 by default. */
  epsilon?: number;
}

const adagradStep = defineStep("adagradStep");

/**
 * Adagrad (Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization",
 * 2011): steps divided by the root of the sum of all squared gradients.
 */
export class Adagrad extends Optimizer {
  readonly initialAccumulatorValue: number;
  readonly epsilon: number;
  protected readonly kernel = adagradStep;
  protected readonly slots: readonly number[];

  constructor(options: AdagradOptions = {}) {
    super("Adagrad", options, ["initialAccumulatorValue", "epsilon"], 0.001);
    const start = options.initialAccumulatorValue ?? 0.1;
    this.initialAccumulatorValue = checkRange(this.name, "initialAccumulatorValue", start, 0);
    this.epsilon = checkRange(this.name, "epsilon", options.epsilon ?? 1e-7, 0);
    this.slots = [this.initialAccumulatorValue];
  }

  protected rule(): readonly number[] {
    return [this.epsilon];
  }
}

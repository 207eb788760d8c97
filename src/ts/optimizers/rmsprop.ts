import { checkBoolean, checkRange } from "../checks.js";
import { Optimizer, type OptimizerOptions } from "./optimizer.js";
import type { LearningRateSchedule } from "./schedules.js";
import { defineStep } from "./step.js";

export interface RMSpropOptions extends OptimizerOptions {
  /** 0.001 by default. */
  learningRate?: number | LearningRateSchedule;
  /** How much the running mean of squared gradients keeps in a step; 0.9 by default. */
  rho?: number;
  /** How much of the last step is taken again; 0 by default. */
  momentum?: number;
  /** Is added to the mean of squares before the root; 1e-7 by default. */
  epsilon?: number;
  /** Whether the gradients' variance takes the place of their mean of squares; false by default. */
  centered?: boolean;
}

const rmspropStep = defineStep("rmspropStep");

/**
 * RMSprop (Tieleman and Hinton, "Lecture 6.5: RMSProp", 2012): steps divided by the root of a running mean of squared
 * gradients. Centered as by Graves, "Generating Sequences With Recurrent Neural Networks", 2013.
 */
export class RMSprop extends Optimizer {
  readonly rho: number;
  readonly momentum: number;
  readonly epsilon: number;
  readonly centered: boolean;
  protected readonly kernel = rmspropStep;
  protected readonly slots: readonly number[];

  constructor(options: RMSpropOptions = {}) {
    super("RMSprop", options, ["rho", "momentum", "epsilon", "centered"], 0.001);
    this.rho = checkRange(this.name, "rho", options.rho ?? 0.9, 0, 1);
    this.momentum = checkRange(this.name, "momentum", options.momentum ?? 0, 0, 1);
    this.epsilon = checkRange(this.name, "epsilon", options.epsilon ?? 1e-7, 0);
    this.centered = checkBoolean(this.name, "centered", options.centered ?? false);
    this.slots = [0, ...(this.centered ? [0] : []), ...(this.momentum === 0 ? [] : [0])];
  }

  protected rule(): readonly number[] {
    return [this.rho, this.momentum, this.epsilon, this.centered ? 1 : 0];
  }
}

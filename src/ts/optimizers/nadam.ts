import { checkRange } from "../checks.js";
import { Optimizer, type OptimizerOptions } from "./optimizer.js";
import type { LearningRateSchedule } from "./schedules.js";
import { defineStep } from "./step.js";

export interface NadamOptions extends OptimizerOptions {
  /** 0.001 by default. */
  learningRate?: number | LearningRateSchedule;
  /** How much the running mean of gradients keeps in a step; 0.9 by default. */
  beta1?: number;
  /** How much the running mean of squared gradients keeps in a step; 0.999 by default. */
  beta2?: number;
  /** Keeps the divisor away from zero; 1e-7 by default. */
  epsilon?: number;
}

const nadamStep = defineStep("nadamStep");

/** Nadam (Dozat, "Incorporating Nesterov Momentum into Adam", 2016): Adam that looks ahead as Nesterov's momentum does. */
export class Nadam extends Optimizer {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  protected readonly kernel = nadamStep;
  protected readonly slots = [0, 0];
  /** The product of the momenta of the first `steps` steps. */
  private momenta = { steps: 0, product: 1 };

  constructor(options: NadamOptions = {}) {
    super("Nadam", options, ["beta1", "beta2", "epsilon"], 0.001);
    this.beta1 = checkRange(this.name, "beta1", options.beta1 ?? 0.9, 0, 1);
    this.beta2 = checkRange(this.name, "beta2", options.beta2 ?? 0.999, 0, 1);
    this.epsilon = checkRange(this.name, "epsilon", options.epsilon ?? 1e-7, 0);
  }

  protected rule(): readonly number[] {
    const { beta1, beta2, epsilon, iterations } = this;
    const product = this.product();
    const [now, next] = [this.momentum(iterations), this.momentum(iterations + 1)];
    return [beta1, beta2, epsilon, iterations, next / (1 - product * next), (1 - now) / (1 - product)];
  }

  /** The momentum of a step, which grows to `beta1`. */
  private momentum(step: number): number {
    return this.beta1 * (1 - 0.5 * 0.96 ** step);
  }

  private product(): number {
    if (this.momenta.steps > this.iterations) this.momenta = { steps: 0, product: 1 };
    while (this.momenta.steps < this.iterations) this.momenta.product *= this.momentum(++this.momenta.steps);
    return this.momenta.product;
  }
}

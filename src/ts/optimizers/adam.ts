import { checkRange } from "../checks.js";
import { defineUpdate } from "../op.js";
import { Optimizer, type OptimizerOptions, type StepTensors } from "./optimizer.js";

export interface AdamOptions extends OptimizerOptions {
  /** 0.001 by default. */
  learningRate?: number;
  /** How much the running mean of gradients keeps in a step; 0.9 by default. */
  beta1?: number;
  /** How much the running mean of squared gradients keeps in a step; 0.999 by default. */
  beta2?: number;
  /** Keeps the divisor away from zero; 1e-7 by default. */
  epsilon?: number;
}

interface AdamAttributes {
  count: number;
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  step: number;
  weightDecay: number;
}

const adamStep = defineUpdate<AdamAttributes>({
  name: "adamStep",
  check: () => {},
  encode: (a) => [a.count, a.learningRate, a.beta1, a.beta2, a.epsilon, a.step, a.weightDecay],
});

/** Adam (Kingma and Ba, 2014): steps scaled by running means of the gradients and of their squares. */
export class Adam extends Optimizer {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  protected readonly slots = 2;

  constructor(options: AdamOptions = {}) {
    super("Adam", options, ["beta1", "beta2", "epsilon"], 0.001);
    this.beta1 = checkRange(this.name, "beta1", options.beta1 ?? 0.9, 0, 1);
    this.beta2 = checkRange(this.name, "beta2", options.beta2 ?? 0.999, 0, 1);
    this.epsilon = checkRange(this.name, "epsilon", options.epsilon ?? 1e-7, 0);
  }

  protected update({ parameters, gradients, slots }: StepTensors): void {
    const [m, v] = slots as [readonly (typeof parameters)[number][], readonly (typeof parameters)[number][]];
    const { learningRate, beta1, beta2, epsilon, iterations: step, weightDecay } = this;
    adamStep([...parameters, ...gradients, ...m, ...v], [...parameters, ...m, ...v], {
      count: parameters.length,
      learningRate,
      beta1,
      beta2,
      epsilon,
      step,
      weightDecay,
    });
  }
}

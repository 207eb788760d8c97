import { checkBoolean, checkRange } from "../checks.js";
import { defineUpdate } from "../op.js";
import { Optimizer, type OptimizerOptions, type StepTensors } from "./optimizer.js";

export interface SGDOptions extends OptimizerOptions {
  /** 0.01 by default. */
  learningRate?: number;
  /** How much of the last step is taken again; 0 by default. */
  momentum?: number;
  /** Whether the gradient counts as if it were taken after the momentum's step (Nesterov). */
  nesterov?: boolean;
}

interface SGDAttributes {
  count: number;
  learningRate: number;
  momentum: number;
  nesterov: boolean;
  weightDecay: number;
}

const sgdStep = defineUpdate<SGDAttributes>({
  name: "sgdStep",
  check: () => {},
  encode: (a) => [a.count, a.learningRate, a.momentum, a.nesterov ? 1 : 0, a.weightDecay],
});

/** Stochastic gradient descent: `parameter -= learningRate * gradient`, with momentum if asked for. */
export class SGD extends Optimizer {
  readonly momentum: number;
  readonly nesterov: boolean;
  protected readonly slots: number;

  constructor(options: SGDOptions = {}) {
    super("SGD", options, ["momentum", "nesterov"], 0.01);
    this.momentum = checkRange(this.name, "momentum", options.momentum ?? 0, 0, 1);
    this.nesterov = checkBoolean(this.name, "nesterov", options.nesterov ?? false);
    this.slots = this.momentum === 0 ? 0 : 1;
  }

  protected update({ parameters, gradients, slots }: StepTensors): void {
    const velocities = slots[0] ?? [];
    const { learningRate, momentum, nesterov, weightDecay } = this;
    sgdStep([...parameters, ...gradients, ...velocities], [...parameters, ...velocities], {
      count: parameters.length,
      learningRate,
      momentum,
      nesterov,
      weightDecay,
    });
  }
}

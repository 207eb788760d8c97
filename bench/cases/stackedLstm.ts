import { TRAINING_WARM_UP_SECONDS, type Case } from "./case.js";
import { targets } from "./targets.js";

/** Two LSTM layers and a dense one that gives classes for each step, on sequences of noise: one training step with Adam. */
export interface StackedLstmParams {
  batch: number;
  steps: number;
  inputs: number;
  units: number;
  classes: number;
  /** How many sequences there are; the steps go round them. */
  sequences: number;
  [key: string]: number | string;
}

const params: StackedLstmParams = { batch: 32, steps: 64, inputs: 64, units: 64, classes: 10, sequences: 512 };

function flops({ batch, steps, inputs, units, classes }: StackedLstmParams): number {
  // Forward and both gradients of each product, without the first layer's input gradient.
  const [first, recurrent, dense] = [inputs * 4 * units, units * 4 * units, units * classes];
  return 2 * batch * steps * (2 * first + 3 * (3 * recurrent + dense));
}

const { batch, steps, units } = params;

const step: Case = {
  stem: "stackedLstm",
  name: `two LSTM(${units}) training step, B${batch} T${steps}`,
  params,
  work: { flops: flops(params), peak: "fma" },
  target: targets.lstmStep,
  warmUpSeconds: TRAINING_WARM_UP_SECONDS,
  // The losses of five steps, which float32 rounding reaches through the weights.
  tolerance: 1e-5,
};

export const cases: Case[] = [
  step,
  {
    ...step,
    name: `peak memory: ${step.name}`,
    params: { ...params, layout: "batch first" },
    work: undefined,
    measure: "memory",
    target: targets.memory,
  },
];

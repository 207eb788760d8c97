import { defineOp, defineUpdate, type Update } from "../op.js";

/** The attributes of a step kernel: those that all have, then those of its rule, as native/core/ops.def names them. */
export interface StepAttributes {
  readonly count: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly clipValue: number;
  readonly scaled: boolean;
  readonly rule: readonly number[];
}

export type StepKernel = Update<StepAttributes>;

/** Registers the kernel of an optimizer: it changes all parameters and slots in one pass. */
export function defineStep(name: string): StepKernel {
  return defineUpdate<StepAttributes>({
    name,
    check: () => {},
    encode: (a) => [a.count, a.learningRate, a.weightDecay, a.clipValue, a.scaled ? 1 : 0, ...a.rule],
  });
}

/** The factors, one for each gradient, that bring the norm of each, or of all together, down to a limit. */
export const clipScales = defineOp<{ limit: number; global: boolean }>({
  name: "clipScales",
  contiguous: true,
  infer: (gradients) => [{ shape: [gradients.length], dtype: "float64" }],
  encode: ({ limit, global }) => [limit, global ? 1 : 0],
  backward: null,
});

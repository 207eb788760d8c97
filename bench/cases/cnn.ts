import { TRAINING_WARM_UP_SECONDS, type Case } from "./case.js";
import { targets } from "./targets.js";

/** The README's CNN on images of noise: one training step with Adam, the loss read after it. */
export interface CnnParams {
  batch: number;
  /** How many images there are; the steps go round them. */
  images: number;
  [key: string]: number | string;
}

function trainingStep(batch: number): Case {
  const params: CnnParams = { batch, images: 2048 };
  return {
    stem: "cnn",
    name: `cnn training step, batch ${batch}`,
    params,
    work: { flops: batch * FLOPS_PER_IMAGE, peak: "fma" },
    target: targets.cnnStep,
    warmUpSeconds: TRAINING_WARM_UP_SECONDS,
    // The losses of five steps, which float32 rounding reaches through the weights.
    tolerance: 1e-5,
  };
}

/** Forward and both gradients of each layer, without the first layer's input gradient. */
const FLOPS_PER_IMAGE = 2 * (26 * 26 * 9 * 32 * 2 + 11 * 11 * 9 * 32 * 64 * 3 + 1600 * 128 * 3 + 128 * 10 * 3);

/** Of a process that does nothing else, with PyTorch's default layout. */
function peakMemory(batch: number): Case {
  const step = trainingStep(batch);
  return {
    ...step,
    name: `peak memory: ${step.name}`,
    params: { ...step.params, layout: "contiguous" },
    work: undefined,
    measure: "memory",
    target: targets.memory,
  };
}

export const cases: Case[] = [trainingStep(32), trainingStep(128), peakMemory(32), peakMemory(128)];

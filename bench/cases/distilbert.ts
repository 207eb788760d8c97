import type { Case } from "./case.js";
import { targets } from "./targets.js";

/**
 * A network of DistilBERT's shape (Sanh et al., 2019) with two classes: six transformer blocks with attention and
 * normalization behind each half, random weights and tokens, no dropout; one training step with AdamW.
 */
export interface DistilBertParams {
  batch: number;
  length: number;
  [key: string]: number;
}

export const SIZES = { vocabulary: 30_522, positions: 512, blocks: 6, heads: 12, features: 768, hidden: 3072 } as const;
export const CLASSES = 2;
export const ADAMW = { learningRate: 5e-5, weightDecay: 0.01 } as const;
/** Of the uniform weights: about the deviation of 0.02 that the network begins its training with. */
export const LIMIT = 0.035;

/** Of products with weights, [in, out], in the order in which seeds are given to them. */
export const BLOCK_PRODUCTS: readonly (readonly [number, number])[] = [
  ...Array.from({ length: 4 }, () => [SIZES.features, SIZES.features] as const),
  [SIZES.features, SIZES.hidden],
  [SIZES.hidden, SIZES.features],
];
export const HEAD_PRODUCTS: readonly (readonly [number, number])[] = [
  [SIZES.features, SIZES.features],
  [SIZES.features, CLASSES],
];

function multiplyAdds(batch: number, length: number): number {
  const { blocks, features } = SIZES;
  const size = (products: typeof BLOCK_PRODUCTS): number => products.reduce((sum, [m, n]) => sum + m * n, 0);
  const attention = 2 * length * features;
  return batch * (length * blocks * (size(BLOCK_PRODUCTS) + attention) + size(HEAD_PRODUCTS));
}

function trainingStep(batch: number, length: number): Case {
  const params: DistilBertParams = { batch, length };
  return {
    stem: "distilbert",
    name: `DistilBERT-shaped training step, B${batch} S${length}`,
    params,
    // Forward and both gradients.
    work: { flops: 3 * 2 * multiplyAdds(batch, length), peak: "fma" },
    target: targets.distilbertStep,
    // The losses of three steps: sums of float32 numbers through six blocks, and the weights that they changed.
    tolerance: 1e-5,
  };
}

const step = trainingStep(8, 128);

export const cases: Case[] = [
  step,
  { ...step, name: `peak memory: ${step.name}`, work: undefined, measure: "memory", target: targets.memory },
];

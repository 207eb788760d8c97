/** nabla's time over that of the best peer, both of the same run: lower is better. */
export interface Target {
  must: number;
  goal: number;
  /** The goal is also met at the machine's own limit, counted in compulsory bytes. */
  orPeak?: boolean;
}

export const targets = {
  gemm: { must: 1, goal: 0.95 },
  /** Batched and small products. */
  smallGemm: { must: 1, goal: 0.8 },
  /** 3x3, stride 1, 64 channels or more. */
  convolution3x3: { must: 1.05, goal: 0.65 },
  convolution: { must: 1, goal: 0.5 },
  /** Pooling, norms, softmax, activations, reductions, embeddings, Adam: bound by memory. */
  pass: { must: 1, goal: 0.8, orPeak: true },
  attentionForward: { must: 0.9, goal: 0.7 },
  /** Forward and backward. */
  attentionBackward: { must: 0.8, goal: 0.6 },
  /** The same where half of the scores are masked. */
  causalAttentionBackward: { must: 0.6, goal: 0.4 },
  /** 64 units. */
  recurrentForward: { must: 1, goal: 0.7 },
  recurrentBackward: { must: 0.8, goal: 0.5 },
  /** 512 units. */
  wideRecurrentForward: { must: 1, goal: 0.9 },
  wideRecurrentBackward: { must: 1, goal: 0.95 },
  dispatch: { must: 0.5, goal: 0.15 },
  cnnStep: { must: 0.8, goal: 0.5 },
  lstmStep: { must: 0.7, goal: 0.4 },
  distilbertStep: { must: 0.85, goal: 0.7 },
  vgg16: { must: 1, goal: 0.65 },
  /** Peak memory of a training process. */
  memory: { must: 1, goal: 0.7 },
} as const satisfies Record<string, Target>;

/** From which part of the machine's limit on a case counts as being at it. */
export const AT_PEAK = 0.95;

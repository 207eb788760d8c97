import { Adam, type AdamOptions } from "./adam.js";

export interface AdamWOptions extends AdamOptions {
  /** 0.004 by default. */
  weightDecay?: number;
}

/** Adam with weight decay (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2017). */
export class AdamW extends Adam {
  constructor(options: AdamWOptions = {}) {
    super(options, { name: "AdamW", weightDecay: 0.004 });
  }
}

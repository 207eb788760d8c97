import { checkRange } from "../checks.js";
import { layerNorm } from "../ops/layerNorm.js";
import type { Tensor } from "../tensor.js";
import { knownSize, type BatchShape } from "./batchShape.js";
import { Layer, type LayerOptions } from "./layer.js";

export interface LayerNormalizationOptions extends LayerOptions {
  /** Added to the variance; 0.001 by default. */
  epsilon?: number;
}

/** Normalizes each row along the last axis, then scales and shifts it: see {@link layerNorm}. */
export class LayerNormalization extends Layer {
  readonly epsilon: number;
  /** [features] */
  gamma: Tensor | undefined;
  /** [features] */
  beta: Tensor | undefined;

  constructor(options: LayerNormalizationOptions = {}) {
    super(options, ["epsilon"]);
    this.epsilon = checkRange(this.name, "epsilon", options.epsilon ?? 1e-3, 0);
    this.inputSpec = { minRank: 2 };
  }

  override build(inputShape: BatchShape): void {
    const features = knownSize(this.name, inputShape, -1);
    this.gamma = this.addWeight({ name: "gamma", shape: [features], initializer: "ones" });
    this.beta = this.addWeight({ name: "beta", shape: [features], initializer: "zeros" });
    this.inputSpec = { minRank: 2, axes: { [-1]: features } };
  }

  call(x: Tensor): Tensor {
    return layerNorm(x, this.gamma!, this.beta!, { epsilon: this.epsilon });
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    return inputShape;
  }
}

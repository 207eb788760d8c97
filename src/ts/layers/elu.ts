import { checkFinite } from "../checks.js";
import { elu } from "../ops/activation.js";
import type { Tensor } from "../tensor.js";
import type { BatchShape } from "./batchShape.js";
import { Layer, type LayerOptions } from "./layer.js";

export interface ELUOptions extends LayerOptions {
  /** Minus the limit for small x; 1 by default. */
  alpha?: number;
}

/** The exponential linear unit: x where it is above 0, alpha (exp(x) - 1) elsewhere. See `elu`. */
export class ELU extends Layer {
  readonly alpha: number;

  constructor(options: ELUOptions = {}) {
    super(options, ["alpha"]);
    this.alpha = checkFinite(this.name, "alpha", options.alpha ?? 1);
  }

  call(x: Tensor): Tensor {
    return elu(x, { alpha: this.alpha });
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    return inputShape;
  }
}

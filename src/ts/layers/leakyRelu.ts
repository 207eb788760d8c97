import { checkRange } from "../checks.js";
import { leakyRelu } from "../ops/activation.js";
import type { Tensor } from "../tensor.js";
import type { BatchShape } from "./batchShape.js";
import { Layer, type LayerOptions } from "./layer.js";

export interface LeakyReLUOptions extends LayerOptions {
  /** The slope for x <= 0, 0 or more; 0.3 by default. */
  negativeSlope?: number;
}

/** x where it is above 0, `negativeSlope` times x elsewhere. */
export class LeakyReLU extends Layer {
  readonly negativeSlope: number;

  constructor(options: LeakyReLUOptions = {}) {
    super(options, ["negativeSlope"]);
    this.negativeSlope = checkRange(this.name, "negativeSlope", options.negativeSlope ?? 0.3, 0);
  }

  call(x: Tensor): Tensor {
    return leakyRelu(x, { negativeSlope: this.negativeSlope });
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    return inputShape;
  }
}

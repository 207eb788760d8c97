import { checkRange } from "../checks.js";
import { dropout } from "../ops/dropout.js";
import type { Tensor } from "../tensor.js";
import type { BatchShape } from "./batchShape.js";
import { Layer, type CallOptions, type LayerOptions } from "./layer.js";

export interface DropoutOptions extends LayerOptions {
  /** The part of the elements that becomes 0 in training, from 0 to below 1. The others grow so that the mean stays. */
  rate: number;
}

/** Sets random elements to zero while training; otherwise passes its input on. */
export class Dropout extends Layer {
  readonly rate: number;

  constructor(options: DropoutOptions) {
    super(options, ["rate"]);
    this.rate = checkRange(this.name, "rate", options.rate, 0, 1);
  }

  call(x: Tensor, { training }: CallOptions): Tensor {
    return training && this.rate > 0 ? dropout(x, this.rate) : x;
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    return inputShape;
  }
}

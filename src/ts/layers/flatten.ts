import { reshape } from "../ops/reshape.js";
import type { Tensor } from "../tensor.js";
import type { BatchShape } from "./batchShape.js";
import { Layer, type LayerOptions } from "./layer.js";

/** Each sample in one dimension: [batch, …] to [batch, elements]. */
export class Flatten extends Layer {
  protected override readonly castsInput = false;

  constructor(options: LayerOptions = {}) {
    super(options, []);
    this.inputSpec = { minRank: 1 };
  }

  call(x: Tensor): Tensor {
    return reshape(x, [x.shape[0]!, x.shape.slice(1).reduce((size, length) => size * length, 1)]);
  }

  override computeMask(): null {
    return null;
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    let size: number | null = 1;
    for (const length of inputShape.slice(1)) size = size === null || length === null ? null : size * length;
    return [inputShape[0]!, size];
  }
}

import { checkRange } from "../checks.js";
import { tidy } from "../memory.js";
import { leakyRelu } from "../ops/activation.js";
import { minimum, mul, sub } from "../ops/binary.js";
import { lessEqual } from "../ops/compare.js";
import { relu } from "../ops/unary.js";
import { where } from "../ops/where.js";
import type { Tensor } from "../tensor.js";
import type { BatchShape } from "./batchShape.js";
import { Layer, type LayerOptions } from "./layer.js";

export interface ReLUOptions extends LayerOptions {
  /** The largest result, 0 or more; null, the default, for no bound. */
  maxValue?: number | null;
  /** The slope up to the threshold, 0 or more; 0 by default. */
  negativeSlope?: number;
  /** Up to which the slope is `negativeSlope`, 0 or more; 0 by default. */
  threshold?: number;
}

/** x where it is above the threshold, but at most `maxValue`; elsewhere `negativeSlope` times (x - threshold). */
export class ReLU extends Layer {
  readonly maxValue: number | null;
  readonly negativeSlope: number;
  readonly threshold: number;

  constructor(options: ReLUOptions = {}) {
    super(options, ["maxValue", "negativeSlope", "threshold"]);
    const maxValue = options.maxValue ?? null;
    this.maxValue = maxValue === null ? null : checkRange(this.name, "maxValue", maxValue, 0);
    this.negativeSlope = checkRange(this.name, "negativeSlope", options.negativeSlope ?? 0, 0);
    this.threshold = checkRange(this.name, "threshold", options.threshold ?? 0, 0);
  }

  call(x: Tensor): Tensor {
    return tidy(() => {
      const y = this.unbounded(x);
      return this.maxValue === null ? y : (minimum(y, this.maxValue) as Tensor);
    });
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    return inputShape;
  }

  private unbounded(x: Tensor): Tensor {
    const { negativeSlope, threshold } = this;
    if (threshold === 0) return negativeSlope === 0 ? relu(x) : leakyRelu(x, { negativeSlope });
    const below = negativeSlope === 0 ? 0 : mul(sub(x, threshold), negativeSlope);
    return where(lessEqual(x, threshold), below, x) as Tensor;
  }
}

import { checkFinite } from "../checks.js";
import { notEqual } from "../ops/compare.js";
import { any } from "../ops/reduce.js";
import { where } from "../ops/where.js";
import type { Tensor } from "../tensor.js";
import type { BatchShape } from "./batchShape.js";
import { Layer, type LayerOptions } from "./layer.js";

export interface MaskingOptions extends LayerOptions {
  /** A step whose features all have this value does not count; 0 by default. */
  maskValue?: number;
}

/**
 * Excludes steps of sequences [batch, time, features] that are only padding: they become zeros, and the mask says to the
 * layers that follow, the loss and the metrics that they do not count.
 */
export class Masking extends Layer {
  readonly maskValue: number;

  constructor(options: MaskingOptions = {}) {
    super(options, ["maskValue"]);
    this.maskValue = checkFinite(this.name, "maskValue", options.maskValue ?? 0);
    this.inputSpec = { rank: 3 };
  }

  call(x: Tensor): Tensor {
    return where(this.counts(x, true), x, 0) as Tensor;
  }

  override computeMask(x: Tensor): Tensor {
    return this.counts(x, false);
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    return inputShape;
  }

  private counts(x: Tensor, keepDims: boolean): Tensor {
    return any(notEqual(x, this.maskValue), { axis: -1, keepDims });
  }
}

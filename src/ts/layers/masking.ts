import { checkFinite } from "../checks.js";
import { notEqual } from "../ops/compare.js";
import { any } from "../ops/reduce.js";
import { where } from "../ops/where.js";
import type { Tensor } from "../tensor.js";
import { expandDims } from "../ops/reshape.js";
import type { BatchShape } from "./batchShape.js";
import { Layer, type CallOptions, type LayerOptions, type Masked } from "./layer.js";

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
    return this.withZeros(x, this.computeMask(x));
  }

  override computeMask(x: Tensor): Tensor {
    return any(notEqual(x, this.maskValue), { axis: -1 });
  }

  /** @internal Computes the mask once for both. */
  override applyMasked(x: Tensor, options: Partial<CallOptions> = {}): Masked {
    // A subclass's own call may make another result.
    if (this.call !== Masking.prototype.call) return super.applyMasked(x, options);
    const accepted = this.accept(x);
    this.acceptOptions(x, options);
    const mask = this.computeMask(accepted);
    return { y: this.withZeros(accepted, mask), mask };
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    return inputShape;
  }

  private withZeros(x: Tensor, mask: Tensor): Tensor {
    return where(expandDims(mask, -1), x, 0) as Tensor;
  }
}

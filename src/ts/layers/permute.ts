import { wrong } from "../checks.js";
import { transpose } from "../ops/transpose.js";
import type { Tensor } from "../tensor.js";
import type { BatchShape } from "./batchShape.js";
import { Layer, type LayerOptions } from "./layer.js";

export interface PermuteOptions extends LayerOptions {
  /** Where each axis of the result comes from, counted from 1: axis 0 is the batch, which stays. [2, 1] swaps two. */
  dims: readonly number[];
}

/** The axes of each sample in another order. */
export class Permute extends Layer {
  readonly dims: readonly number[];
  protected override readonly castsInput = false;

  constructor(options: PermuteOptions) {
    super(options, ["dims"]);
    const dims: unknown = options.dims;
    if (!Array.isArray(dims) || [...(dims as number[])].sort((a, b) => a - b).some((axis, i) => axis !== i + 1)) {
      throw wrong(this.name, "dims", dims, "each axis from 1 on once, such as [2, 1]");
    }
    this.dims = [...(dims as number[])];
    this.inputSpec = { rank: dims.length + 1 };
  }

  call(x: Tensor): Tensor {
    return transpose(x, [0, ...this.dims]);
  }

  override computeMask(): null {
    return null;
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    return [0, ...this.dims].map((axis) => inputShape[axis]!);
  }
}

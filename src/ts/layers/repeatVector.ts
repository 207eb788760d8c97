import { checkPositive } from "../checks.js";
import { broadcastTo } from "../ops/broadcast.js";
import { expandDims } from "../ops/reshape.js";
import type { Tensor } from "../tensor.js";
import type { BatchShape } from "./batchShape.js";
import { Layer, type LayerOptions } from "./layer.js";

export interface RepeatVectorOptions extends LayerOptions {
  /** How many steps. */
  n: number;
}

/** Each sample again for n steps: [batch, features] to [batch, n, features]. Nothing is copied. */
export class RepeatVector extends Layer {
  readonly n: number;
  protected override readonly castsInput = false;

  constructor(options: RepeatVectorOptions) {
    super(options, ["n"]);
    this.n = checkPositive(this.name, "n", options.n);
    this.inputSpec = { rank: 2 };
  }

  call(x: Tensor): Tensor {
    return broadcastTo(expandDims(x, 1), this.computeOutputShape(x.shape) as number[]);
  }

  override computeMask(): null {
    return null;
  }

  override computeOutputShape([batch, features]: BatchShape): BatchShape {
    return [batch!, this.n, features!];
  }
}

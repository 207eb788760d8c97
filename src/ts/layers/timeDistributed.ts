import { wrong } from "../checks.js";
import { reshape } from "../ops/reshape.js";
import type { Tensor } from "../tensor.js";
import type { BatchShape } from "./batchShape.js";
import { Layer, type CallOptions, type LayerOptions } from "./layer.js";

export interface TimeDistributedOptions extends LayerOptions {
  /** What is applied to each step: it becomes part of this layer as it is. */
  layer: Layer;
}

/**
 * Applies a layer to each step of sequences [batch, time, …], as if the steps of all samples were the samples of one
 * batch. The mask of the sequences is that of the result; the layer inside does not see it.
 */
export class TimeDistributed extends Layer {
  readonly layer: Layer;
  protected override readonly castsInput = false;

  constructor(options: TimeDistributedOptions) {
    super(options, ["layer"]);
    const { layer } = options;
    if (!(layer instanceof Layer))
      throw wrong(this.name, "layer", layer, "a layer such as new layers.Dense({ units })");
    this.layer = layer;
    this.inputSpec = { minRank: 3 };
  }

  override build(inputShape: BatchShape): void {
    this.layer.build(stepShape(inputShape));
  }

  call(x: Tensor, { training }: CallOptions): Tensor {
    const [batch, time, ...rest] = x.shape as [number, number, ...number[]];
    const y = this.layer.apply(reshape(x, [batch * time, ...rest]), { training });
    return reshape(y, [batch, time, ...y.shape.slice(1)]);
  }

  override get knowsOutputShape(): boolean {
    return this.layer.knowsOutputShape;
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    const [batch, ...rest] = this.layer.computeOutputShape(stepShape(inputShape)) as [number | null, ...BatchShape];
    return [batch, inputShape[1]!, ...rest];
  }
}

/** The shape of one step of all samples. */
function stepShape([batch, , ...rest]: BatchShape): BatchShape {
  return [batch!, ...rest];
}

import type { Tensor } from "../tensor.js";
import { checkBatchShape, type BatchShape } from "./batchShape.js";
import { Layer, type LayerOptions } from "./layer.js";

export interface InputLayerOptions extends Omit<LayerOptions, "inputShape"> {
  /** The shape of one sample, without the batch. */
  shape: BatchShape;
}

/** States the shape of a model's input; passes it on. */
export class InputLayer extends Layer {
  protected override readonly castsInput = false;

  constructor(options: InputLayerOptions) {
    const { shape, ...rest } = options;
    super({ ...rest, inputShape: checkBatchShape("InputLayer", "shape", shape) }, []);
    const axes = this.batchInputShape!.flatMap((size, axis) => (size === null ? [] : [[axis, size] as const]));
    this.inputSpec = { rank: this.batchInputShape!.length, axes: Object.fromEntries(axes) };
  }

  call(x: Tensor): Tensor {
    return x;
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    return inputShape;
  }
}

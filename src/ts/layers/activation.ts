import { resolveActivation, type Activation as ActivationUse, type ActivationLike } from "../activations.js";
import type { Tensor } from "../tensor.js";
import type { BatchShape } from "./batchShape.js";
import { Layer, type LayerOptions } from "./layer.js";

export interface ActivationOptions extends LayerOptions {
  /** By name, or a function of a tensor that keeps its shape. */
  activation: ActivationLike;
}

/** Applies an activation function. */
export class Activation extends Layer {
  readonly activation: ActivationUse;

  constructor(options: ActivationOptions) {
    super(options, ["activation"]);
    this.activation = resolveActivation(this.name, options.activation);
  }

  call(x: Tensor): Tensor {
    return this.activation.apply(x);
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    return inputShape;
  }
}

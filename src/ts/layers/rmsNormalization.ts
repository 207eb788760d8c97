import { checkRange } from "../checks.js";
import { rmsNorm } from "../ops/rmsNorm.js";
import type { Tensor } from "../tensor.js";
import type { BatchShape } from "./batchShape.js";
import { Layer, type LayerOptions } from "./layer.js";
import { alongAxes, checkAxes, sizesAlong, specOf, type Axes } from "./normalizationAxes.js";

export interface RMSNormalizationOptions extends LayerOptions {
  /** What the mean square is taken over; -1 by default. */
  axis?: number | readonly number[];
  /** Added to the mean square; 0.000001 by default. */
  epsilon?: number;
}

/** Root mean square normalization of each sample by itself (see `rmsNorm`), with a trained factor. Passes the mask on. */
export class RMSNormalization extends Layer {
  readonly axis: Axes;
  readonly epsilon: number;
  /** The sizes of the axes. */
  scale: Tensor | undefined;

  constructor(options: RMSNormalizationOptions = {}) {
    super(options, ["axis", "epsilon"]);
    this.axis = checkAxes(this.name, options.axis ?? -1);
    this.inputSpec = specOf(this.axis);
    this.epsilon = checkRange(this.name, "epsilon", options.epsilon ?? 1e-6, 0);
  }

  override build(inputShape: BatchShape): void {
    const shape = sizesAlong(this.name, this.axis, inputShape);
    this.scale = this.addWeight({ name: "scale", shape, initializer: "ones" });
    this.inputSpec = specOf(this.axis, inputShape);
  }

  call(x: Tensor): Tensor {
    const { scale, epsilon } = this;
    return alongAxes(this.name, x, this.axis, (y, axis) => rmsNorm(y, scale, { epsilon, axis }));
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    return inputShape;
  }
}

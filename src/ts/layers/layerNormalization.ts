import { checkBoolean, checkRange } from "../checks.js";
import { layerNorm } from "../ops/layerNorm.js";
import type { InitializerLike } from "../resolve.js";
import type { Tensor } from "../tensor.js";
import type { BatchShape } from "./batchShape.js";
import { Layer, type LayerOptions } from "./layer.js";
import { alongAxes, checkAxes, sizesAlong, specOf, type Axes } from "./normalizationAxes.js";

export interface LayerNormalizationOptions extends LayerOptions {
  /** What mean and variance are taken over; -1 by default. */
  axis?: number | readonly number[];
  /** Added to the variance; 0.001 by default. */
  epsilon?: number;
  /** Whether beta is added; true by default. */
  center?: boolean;
  /** Whether the result is multiplied by gamma; true by default. */
  scale?: boolean;
  /** "zeros" by default. */
  betaInitializer?: InitializerLike;
  /** "ones" by default. */
  gammaInitializer?: InitializerLike;
}

/** Layer normalization of each sample by itself (see `layerNorm`), with a trained factor and shift. Passes the mask on. */
export class LayerNormalization extends Layer {
  readonly axis: Axes;
  readonly epsilon: number;
  readonly center: boolean;
  readonly scale: boolean;
  /** The sizes of the axes. */
  gamma: Tensor | undefined;
  /** The sizes of the axes. */
  beta: Tensor | undefined;
  private readonly initializers: { beta: InitializerLike; gamma: InitializerLike };

  constructor(options: LayerNormalizationOptions = {}) {
    super(options, ["axis", "epsilon", "center", "scale", "betaInitializer", "gammaInitializer"]);
    this.axis = checkAxes(this.name, options.axis ?? -1);
    this.inputSpec = specOf(this.axis);
    this.epsilon = checkRange(this.name, "epsilon", options.epsilon ?? 1e-3, 0);
    this.center = checkBoolean(this.name, "center", options.center ?? true);
    this.scale = checkBoolean(this.name, "scale", options.scale ?? true);
    this.initializers = { beta: options.betaInitializer ?? "zeros", gamma: options.gammaInitializer ?? "ones" };
  }

  override build(inputShape: BatchShape): void {
    const shape = sizesAlong(this.name, this.axis, inputShape);
    const { gamma, beta } = this.initializers;
    if (this.scale) this.gamma = this.addWeight({ name: "gamma", shape, initializer: gamma });
    if (this.center) this.beta = this.addWeight({ name: "beta", shape, initializer: beta });
    this.inputSpec = specOf(this.axis, inputShape);
  }

  call(x: Tensor): Tensor {
    const { gamma, beta, epsilon } = this;
    return alongAxes(this.name, x, this.axis, (y, axis) => layerNorm(y, gamma, beta, { epsilon, axis }));
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    return inputShape;
  }
}

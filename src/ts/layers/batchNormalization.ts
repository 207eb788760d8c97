import { checkBoolean, checkRange, wrong } from "../checks.js";
import { ArgumentError } from "../errors.js";
import { tidy } from "../memory.js";
import { checkInteger } from "../ops/arguments.js";
import { batchNorm, batchNormTraining } from "../ops/batchNorm.js";
import { cast } from "../ops/cast.js";
import { reshape } from "../ops/reshape.js";
import type { InitializerLike } from "../resolve.js";
import { withRecording } from "../tape.js";
import type { Tensor } from "../tensor.js";
import type { BatchShape } from "./batchShape.js";
import { Layer, type CallOptions, type LayerOptions } from "./layer.js";
import { alongAxes, sizesAlong, specOf } from "./normalizationAxes.js";

export interface BatchNormalizationOptions extends LayerOptions {
  /** That of the channels; -1 by default. */
  axis?: number;
  /** What the moving averages keep of themselves at each step of training; 0.99 by default. */
  momentum?: number;
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
  /** "zeros" by default. */
  movingMeanInitializer?: InitializerLike;
  /** "ones" by default. */
  movingVarianceInitializer?: InitializerLike;
}

const OPTIONS = [
  "axis",
  "momentum",
  "epsilon",
  "center",
  "scale",
  "betaInitializer",
  "gammaInitializer",
  "movingMeanInitializer",
  "movingVarianceInitializer",
];

interface Statistics {
  readonly y: Tensor;
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/**
 * Batch normalization (Ioffe and Szegedy, 2015), with a trained factor and shift for each channel. Training takes mean and
 * variance of the batch, of the steps that the mask counts, and lets the moving averages follow them; otherwise, and
 * while the layer is not trainable, these averages normalize. Passes the mask on.
 *
 * @throws ArgumentError for a mask where the channels lie along the axis of time.
 */
export class BatchNormalization extends Layer {
  readonly axis: number;
  readonly momentum: number;
  readonly epsilon: number;
  readonly center: boolean;
  readonly scale: boolean;
  /** [channels], as all weights. */
  gamma: Tensor | undefined;
  beta: Tensor | undefined;
  movingMean: Tensor | undefined;
  movingVariance: Tensor | undefined;
  private readonly initializers: readonly InitializerLike[];

  constructor(options: BatchNormalizationOptions = {}) {
    super(options, OPTIONS);
    this.axis = checkInteger(this.name, "axis", options.axis ?? -1);
    this.inputSpec = specOf(this.axis);
    this.momentum = checkMomentum(this.name, options.momentum ?? 0.99);
    this.epsilon = checkRange(this.name, "epsilon", options.epsilon ?? 1e-3, 0);
    this.center = checkBoolean(this.name, "center", options.center ?? true);
    this.scale = checkBoolean(this.name, "scale", options.scale ?? true);
    this.initializers = [
      options.gammaInitializer ?? "ones",
      options.betaInitializer ?? "zeros",
      options.movingMeanInitializer ?? "zeros",
      options.movingVarianceInitializer ?? "ones",
    ];
  }

  override build(inputShape: BatchShape): void {
    const shape = sizesAlong(this.name, this.axis, inputShape);
    const [gamma, beta, mean, variance] = this.initializers;
    if (this.scale) this.gamma = this.addWeight({ name: "gamma", shape, initializer: gamma! });
    if (this.center) this.beta = this.addWeight({ name: "beta", shape, initializer: beta! });
    const average = { shape, trainable: false };
    this.movingMean = this.addWeight({ ...average, name: "moving_mean", initializer: mean! });
    this.movingVariance = this.addWeight({ ...average, name: "moving_variance", initializer: variance! });
    this.inputSpec = specOf(this.axis, inputShape);
  }

  call(x: Tensor, { training, mask }: CallOptions): Tensor {
    if (mask && (this.axis + x.rank) % x.rank === 1) {
      throw new ArgumentError(`${this.name}: a mask of time with the channels along axis 1: expected another axis`);
    }
    const { gamma, beta, movingMean, movingVariance, epsilon } = this;
    return alongAxes(this.name, x, this.axis, (channelsLast) => {
      if (!training || !this.trainable) {
        return batchNorm(channelsLast, movingMean!, movingVariance!, gamma, beta, { epsilon });
      }
      return tidy(() => {
        const { y, mean, variance } = mask
          ? this.countedSteps(channelsLast, mask)
          : (batchNormTraining(channelsLast, gamma, beta, { epsilon }) as Statistics);
        this.follow(movingMean!, mean);
        this.follow(movingVariance!, variance);
        return y;
      });
    });
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    return inputShape;
  }

  /** Statistics of the steps that count: gradients flow through them by the ops that they are made of. */
  private countedSteps(x: Tensor, mask: Tensor): Statistics {
    const others = x.shape.slice(2, -1);
    const counts = cast(reshape(mask, [...mask.shape, ...x.shape.slice(2).map(() => 1)]), this.dtype);
    const axis = [...x.shape.keys()].slice(0, -1);
    // A batch without a step that counts: zero, not NaN, which would stay in the averages.
    const count = counts
      .sum()
      .mul(others.reduce((product, size) => product * size, 1))
      .maximum(1);
    const mean = x.mul(counts).sum({ axis }).div(count) as Tensor;
    const variance = x.sub(mean).square().mul(counts).sum({ axis }).div(count) as Tensor;
    const y = batchNorm(x, mean, variance, this.gamma, this.beta, { epsilon: this.epsilon });
    return { y, mean, variance };
  }

  private follow(average: Tensor, value: Tensor): void {
    const { momentum } = this;
    withRecording(false, () => average.assign(average.mul(momentum).add(value.mul(1 - momentum)) as Tensor));
  }
}

/** Above 1 the averages would grow without bound. */
function checkMomentum(op: string, momentum: unknown): number {
  if (typeof momentum === "number" && momentum >= 0 && momentum <= 1) return momentum;
  throw wrong(op, "momentum", momentum, "a number from 0 to 1");
}

import { checkBoolean, checkRange, wrong } from "../checks.js";
import { ArgumentError } from "../errors.js";
import { checkInteger } from "../ops/arguments.js";
import { groupNorm } from "../ops/groupNorm.js";
import type { InitializerLike } from "../resolve.js";
import { normalizeAxis } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { knownSize, type BatchShape } from "./batchShape.js";
import { Layer, type LayerOptions } from "./layer.js";
import { alongAxes } from "./normalizationAxes.js";

export interface GroupNormalizationOptions extends LayerOptions {
  /** How many groups of neighbours the channels are cut into; -1 for one a channel. 32 by default. */
  groups?: number;
  /** That of the channels; -1 by default. */
  axis?: number;
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

/**
 * Group normalization (Wu and He, 2018): mean and variance are those of a sample's elements in one group of channels, with
 * a trained factor and shift for each channel. See `groupNorm`. Passes the mask on.
 */
export class GroupNormalization extends Layer {
  readonly groups: number;
  readonly axis: number;
  readonly epsilon: number;
  readonly center: boolean;
  readonly scale: boolean;
  /** [channels], as both weights. */
  gamma: Tensor | undefined;
  beta: Tensor | undefined;
  private readonly initializers: { beta: InitializerLike; gamma: InitializerLike };

  constructor(options: GroupNormalizationOptions = {}) {
    super(options, ["groups", "axis", "epsilon", "center", "scale", "betaInitializer", "gammaInitializer"]);
    this.groups = checkGroups(this.name, options.groups ?? 32);
    this.axis = checkInteger(this.name, "axis", options.axis ?? -1);
    this.epsilon = checkRange(this.name, "epsilon", options.epsilon ?? 1e-3, 0);
    this.center = checkBoolean(this.name, "center", options.center ?? true);
    this.scale = checkBoolean(this.name, "scale", options.scale ?? true);
    this.initializers = { beta: options.betaInitializer ?? "zeros", gamma: options.gammaInitializer ?? "ones" };
    this.inputSpec = { minRank: 2 };
  }

  override build(inputShape: BatchShape): void {
    const axis = normalizeAxis(this.name, this.axis, inputShape.length);
    if (axis === 0) {
      throw new ArgumentError(`${this.name}: axis ${this.axis} is that of the batch: expected one of the channels`);
    }
    const channels = knownSize(this.name, inputShape, axis);
    if (this.groups !== -1 && channels % this.groups !== 0) {
      throw new ArgumentError(
        `${this.name}: the groups do not divide the channels: there are ${this.groups} groups and ${channels} channels`,
      );
    }
    const { gamma, beta } = this.initializers;
    if (this.scale) this.gamma = this.addWeight({ name: "gamma", shape: [channels], initializer: gamma });
    if (this.center) this.beta = this.addWeight({ name: "beta", shape: [channels], initializer: beta });
    this.inputSpec = { rank: inputShape.length, axes: { [axis]: channels } };
  }

  call(x: Tensor): Tensor {
    const { gamma, beta, epsilon } = this;
    return alongAxes(this.name, x, this.axis, (channelsLast) => {
      const groups = this.groups === -1 ? channelsLast.shape.at(-1)! : this.groups;
      return groupNorm(channelsLast, groups, gamma, beta, { epsilon });
    });
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    return inputShape;
  }
}

function checkGroups(op: string, groups: unknown): number {
  if (Number.isSafeInteger(groups) && ((groups as number) >= 1 || groups === -1)) return groups as number;
  throw wrong(op, "groups", groups, "a positive integer, or -1 for one a channel");
}

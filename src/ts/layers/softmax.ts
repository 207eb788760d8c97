import { resolveActivation } from "../activations.js";
import { tidy } from "../memory.js";
import { sub } from "../ops/binary.js";
import { logSumExp } from "../ops/logSumExp.js";
import { reshape } from "../ops/reshape.js";
import { softmax } from "../ops/softmax.js";
import { exp } from "../ops/unary.js";
import { where } from "../ops/where.js";
import { normalizeAxes } from "../shape.js";
import type { Tensor } from "../tensor.js";
import type { BatchShape } from "./batchShape.js";
import { Layer, type CallOptions, type LayerOptions } from "./layer.js";
import { checkAxes, specOf, type Axes } from "./normalizationAxes.js";

export interface SoftmaxOptions extends LayerOptions {
  /** What the probabilities add up to 1 over; -1 by default. */
  axis?: number | readonly number[];
}

/**
 * exp(x) / sum(exp(x)) along an axis, or several. Where that is time, steps that do not count get the probability 0. Along
 * the last axis alone, cross-entropies are computed from x, without loss of digits.
 */
export class Softmax extends Layer {
  readonly axis: Axes;
  /** It remembers what it is given for the losses. */
  private readonly lastAxis = resolveActivation(this.name, "softmax");

  constructor(options: SoftmaxOptions = {}) {
    super(options, ["axis"]);
    this.axis = checkAxes(this.name, options.axis ?? -1);
    this.inputSpec = specOf(this.axis);
  }

  call(x: Tensor, { mask }: CallOptions): Tensor {
    const axes = normalizeAxes(this.name, this.axis, x.rank);
    if (mask === null || !axes.includes(1)) return this.along(axes, x);
    return tidy(() => {
      const counts = reshape(mask, [...mask.shape, ...x.shape.slice(2).map(() => 1)]);
      // Where no step counts, the quotient is NaN.
      return where(counts, this.along(axes, where(counts, x, -Infinity) as Tensor), 0) as Tensor;
    });
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    return inputShape;
  }

  private along(axes: readonly number[], x: Tensor): Tensor {
    const [axis, another] = axes;
    if (another !== undefined) return tidy(() => exp(sub(x, logSumExp(x, { axis: axes, keepDims: true }))) as Tensor);
    return axis === x.rank - 1 ? this.lastAxis.apply(x) : softmax(x, axis);
  }
}

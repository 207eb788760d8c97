import { wrong } from "../checks.js";
import { tidy } from "../memory.js";
import { mul } from "../ops/binary.js";
import { greater } from "../ops/compare.js";
import { where } from "../ops/where.js";
import type { InitializerLike } from "../resolve.js";
import { normalizeAxes } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { knownSize, type BatchShape } from "./batchShape.js";
import { Layer, type LayerOptions } from "./layer.js";

export interface PReLUOptions extends LayerOptions {
  /** "zeros" by default. */
  alphaInitializer?: InitializerLike;
  /** Axes along which the slopes are the same, counted from 1 (0 is the batch); null, the default, for none. */
  sharedAxes?: number | readonly number[] | null;
}

/**
 * x where it is above 0, alpha times x elsewhere, with a trained slope for each place of a sample (He et al., "Delving Deep
 * into Rectifiers", 2015).
 */
export class PReLU extends Layer {
  readonly sharedAxes: readonly number[];
  /** The shape of a sample, with size 1 along the shared axes. */
  alpha: Tensor | undefined;
  private readonly alphaInitializer: InitializerLike;

  constructor(options: PReLUOptions = {}) {
    super(options, ["alphaInitializer", "sharedAxes"]);
    const axes: readonly unknown[] = [options.sharedAxes ?? []].flat();
    if (!axes.every((axis) => Number.isSafeInteger(axis) && (axis as number) >= 1)) {
      throw wrong(this.name, "sharedAxes", options.sharedAxes, "axes from 1 on");
    }
    this.sharedAxes = axes as number[];
    this.alphaInitializer = options.alphaInitializer ?? "zeros";
    this.inputSpec = { minRank: 2 };
  }

  override build(inputShape: BatchShape): void {
    const { length: rank } = inputShape;
    const shared = normalizeAxes(this.name, this.sharedAxes, rank);
    const own = [...inputShape.keys()].filter((axis) => axis > 0 && !shared.includes(axis));
    const axes = Object.fromEntries(own.map((axis) => [axis, knownSize(this.name, inputShape, axis)]));
    const shape = inputShape.slice(1).map((_, i) => axes[i + 1] ?? 1);
    this.alpha = this.addWeight({ name: "alpha", shape, initializer: this.alphaInitializer });
    this.inputSpec = { rank, axes };
  }

  call(x: Tensor): Tensor {
    return tidy(() => where(greater(x, 0), x, mul(x, this.alpha!)) as Tensor);
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    return inputShape;
  }
}

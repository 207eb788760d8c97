import { wrong } from "../checks.js";
import { ShapeError } from "../errors.js";
import { reshape } from "../ops/reshape.js";
import type { Tensor } from "../tensor.js";
import { formatBatchShape, type BatchShape } from "./batchShape.js";
import { Layer, type LayerOptions } from "./layer.js";

export interface ReshapeOptions extends LayerOptions {
  /** Of one sample, without the batch. One size may be -1: what is left for it. */
  targetShape: readonly number[];
}

/** Each sample in another shape with the same elements: [batch, …] to [batch, ...targetShape]. */
export class Reshape extends Layer {
  readonly targetShape: readonly number[];
  protected override readonly castsInput = false;

  constructor(options: ReshapeOptions) {
    super(options, ["targetShape"]);
    const shape: unknown = options.targetShape;
    const isSize = (size: unknown): boolean => Number.isSafeInteger(size) && ((size as number) >= 1 || size === -1);
    if (!Array.isArray(shape) || !shape.every(isSize) || shape.indexOf(-1) !== shape.lastIndexOf(-1)) {
      throw wrong(this.name, "targetShape", shape, "positive integers, of which one may be -1");
    }
    this.targetShape = [...(shape as number[])];
    this.inputSpec = { minRank: 1 };
  }

  call(x: Tensor): Tensor {
    return reshape(x, this.computeOutputShape(x.shape) as number[]);
  }

  override computeMask(): null {
    return null;
  }

  /** @throws ShapeError when the elements of a sample do not fit the target. */
  override computeOutputShape([batch, ...sample]: BatchShape): BatchShape {
    const known = sample.every((size) => size !== null);
    const elements = sample.reduce<number>((product, size) => product * (size ?? 1), 1);
    const open = this.targetShape.includes(-1);
    const filled = this.targetShape.reduce((product, size) => (size === -1 ? product : product * size), 1);
    if (known && (open ? elements % filled !== 0 : elements !== filled)) {
      throw new ShapeError(
        `${this.name}: the elements do not fit: a sample of ${formatBatchShape(sample)} has ${elements}, expected ` +
          `${open ? "a multiple of " : ""}${filled} for ${formatBatchShape(this.targetShape)}`,
      );
    }
    return [batch!, ...this.targetShape.map((size) => (size === -1 ? (known ? elements / filled : null) : size))];
  }
}

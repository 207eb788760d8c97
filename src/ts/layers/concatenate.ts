import { ShapeError } from "../errors.js";
import { checkInteger } from "../ops/arguments.js";
import { concat } from "../ops/concat.js";
import { normalizeAxis } from "../shape.js";
import type { Tensor } from "../tensor.js";
import type { BatchShape } from "./batchShape.js";
import type { LayerOptions } from "./layer.js";
import { Merge, commonSize, formatShapes } from "./merge.js";

export interface ConcatenateOptions extends LayerOptions {
  /** The one along which the tensors lie one after another; -1 by default. */
  axis?: number;
}

/** Joins a list of tensors along an axis. All other sizes are the same. */
export class Concatenate extends Merge {
  readonly axis: number;
  protected override readonly castsInput = false;

  constructor(options: ConcatenateOptions = {}) {
    super(options, ["axis"]);
    this.axis = checkInteger(this.name, "axis", options.axis ?? -1);
  }

  call(x: readonly Tensor[]): Tensor {
    return concat(x, this.axis);
  }

  protected override mergedShape(shapes: readonly BatchShape[]): BatchShape {
    const { length: rank } = shapes[0]!;
    const joined = normalizeAxis(this.name, this.axis, rank);
    const result = shapes[0]!.map((_, axis) => {
      const sizes = shapes.map((shape) => shape[axis]!);
      return axis === joined ? sum(sizes) : commonSize(sizes);
    });
    if (shapes.every((shape) => shape.length === rank) && result.every((size) => size !== undefined)) return result;
    throw new ShapeError(
      `${this.name}: the shapes differ beside axis ${joined}: the inputs are ${formatShapes(shapes)}`,
    );
  }
}

/** Null where a size is not known. */
function sum(sizes: BatchShape): number | null {
  return sizes.some((size) => size === null) ? null : sizes.reduce<number>((total, size) => total + size!, 0);
}

import { wrong } from "../checks.js";
import { ShapeError } from "../errors.js";
import { tidy } from "../memory.js";
import { reshape } from "../ops/reshape.js";
import { sameShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { formatBatchShape, type BatchShape } from "./batchShape.js";
import { Layer, type LayerOptions } from "./layer.js";

/**
 * What layers have in common that make one tensor of a list. The mask of the first input is passed on where it fits the
 * result.
 */
export abstract class Merge extends Layer<readonly Tensor[]> {
  protected override readonly takesList = true;
  /** Whether there must be two inputs; otherwise there may be more. */
  protected readonly takesTwo: boolean = false;

  constructor(options: LayerOptions, names: readonly string[]) {
    super(options, names);
    this.inputSpec = { minRank: 1 };
  }

  /** The shape of the result for inputs of these shapes. @throws ShapeError when they do not fit together. */
  protected abstract mergedShape(shapes: readonly BatchShape[]): BatchShape;

  /** There are no weights: this checks how the inputs fit together. */
  override build(inputShape: readonly BatchShape[]): void {
    this.computeOutputShape(inputShape);
  }

  protected override accept<X extends readonly Tensor[]>(x: X): X {
    this.checkList("tensors", x, Array.isArray(x));
    const inputs = super.accept(x);
    this.computeOutputShape(inputs.map(({ shape }) => shape));
    return inputs;
  }

  override computeMask(x: readonly Tensor[], mask: Tensor | null = null): Tensor | null {
    if (mask === null) return null;
    const shape = this.computeOutputShape(x.map((input) => input.shape));
    return sameShape(mask.shape, shape.slice(0, 2) as number[]) ? mask : null;
  }

  /** @throws ArgumentError for what is no list of shapes. @throws ShapeError when they do not fit together. */
  override computeOutputShape(inputShape: readonly BatchShape[]): BatchShape {
    this.checkList("shapes", inputShape, Array.isArray(inputShape) && inputShape.every(Array.isArray));
    return this.mergedShape(inputShape);
  }

  private checkList(items: string, given: readonly unknown[], isList: boolean): void {
    if (isList && (this.takesTwo ? given.length === 2 : given.length >= 2)) return;
    throw wrong(this.name, "the input", given, `a list of ${this.takesTwo ? "2" : "2 or more"} ${items}`);
  }
}

/**
 * A merge of elements in the same place. Axes of size 1 grow, and samples with fewer axes get such axes in front; the
 * batches are the same.
 */
export abstract class ElementwiseMerge extends Merge {
  constructor(options: LayerOptions = {}) {
    super(options, []);
  }

  /** Merges tensors that broadcast. */
  protected abstract merge(inputs: readonly Tensor[]): Tensor;

  call(x: readonly Tensor[]): Tensor {
    const rank = Math.max(...x.map((input) => input.rank));
    const aligned = (input: Tensor): Tensor =>
      input.rank === rank ? input : reshape(input, withRank(input.shape, rank) as number[]);
    return tidy(() => this.merge(x.map(aligned)));
  }

  protected override mergedShape(shapes: readonly BatchShape[]): BatchShape {
    const rank = Math.max(...shapes.map((shape) => shape.length));
    const aligned = shapes.map((shape) => withRank(shape, rank));
    return aligned[0]!.map((_, axis) => {
      const sizes = aligned.map((shape) => shape[axis]!);
      const isBatch = axis === 0;
      const size = commonSize(isBatch ? sizes : sizes.filter((n) => n !== 1));
      if (size === undefined) {
        throw new ShapeError(
          `${this.name}: the ${isBatch ? "batches differ" : "samples do not broadcast"}: the inputs are ${formatShapes(shapes)}`,
        );
      }
      if (isBatch) return size;
      return sizes.some((n) => n === null) ? null : (size ?? 1);
    });
  }
}

/** A shape with axes of size 1 between the batch and the others, to as many as `rank`. */
function withRank([batch, ...sample]: BatchShape, rank: number): BatchShape {
  return [batch!, ...new Array<number>(rank - 1 - sample.length).fill(1), ...sample];
}

/** The size that all of these are: null where none is known, undefined where two differ. */
export function commonSize(sizes: BatchShape): number | null | undefined {
  const [size = null, another] = new Set(sizes.filter((n) => n !== null));
  return another === undefined ? size : undefined;
}

/** `[2,3], [2,4]` */
export function formatShapes(shapes: readonly BatchShape[]): string {
  return shapes.map(formatBatchShape).join(", ");
}

import { checkBoolean, checkPositive } from "../checks.js";
import { cast } from "../ops/cast.js";
import { notEqual } from "../ops/compare.js";
import { embedding } from "../ops/embedding.js";
import type { InitializerLike } from "../resolve.js";
import type { Tensor } from "../tensor.js";
import type { BatchShape } from "./batchShape.js";
import { Layer, type LayerOptions } from "./layer.js";

export interface EmbeddingOptions extends LayerOptions {
  /** The number of rows: indices go from 0 to below it. */
  inputDim: number;
  /** The size of each row. */
  outputDim: number;
  /** Whether index 0 stands for padding, which the mask of the result excludes; false by default. */
  maskZero?: boolean;
  /** "uniform" by default. */
  embeddingsInitializer?: InitializerLike;
}

/**
 * A trained row for each index: [batch, time] to [batch, time, outputDim], and likewise for other shapes. Indices of
 * another dtype are cast to int32; one outside of the rows is an IndexError of the next wait.
 */
export class Embedding extends Layer {
  readonly inputDim: number;
  readonly outputDim: number;
  readonly maskZero: boolean;
  /** [inputDim, outputDim] */
  embeddings: Tensor | undefined;
  protected override readonly castsInput = false;
  private readonly initializer: InitializerLike;

  constructor(options: EmbeddingOptions) {
    super(options, ["inputDim", "outputDim", "maskZero", "embeddingsInitializer"]);
    this.inputDim = checkPositive(this.name, "inputDim", options.inputDim);
    this.outputDim = checkPositive(this.name, "outputDim", options.outputDim);
    this.maskZero = checkBoolean(this.name, "maskZero", options.maskZero ?? false);
    this.initializer = options.embeddingsInitializer ?? "uniform";
    // A mask has the shape [batch, time].
    this.inputSpec = this.maskZero ? { rank: 2 } : { minRank: 1 };
  }

  override build(): void {
    const shape = [this.inputDim, this.outputDim];
    this.embeddings = this.addWeight({ name: "embeddings", shape, initializer: this.initializer });
  }

  call(x: Tensor): Tensor {
    return embedding(x.dtype === "int32" ? x : cast(x, "int32"), this.embeddings!);
  }

  /** With `maskZero` where the indices are not 0; null without. */
  override computeMask(x: Tensor): Tensor | null {
    return this.maskZero ? notEqual(x, 0) : null;
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    return [...inputShape, this.outputDim];
  }
}

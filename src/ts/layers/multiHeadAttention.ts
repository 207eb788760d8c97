import { checkPositive, checkRange } from "../checks.js";
import { DTypeError, ShapeError } from "../errors.js";
import { checkTensor } from "../op.js";
import { logicalAnd } from "../ops/compare.js";
import { matmul } from "../ops/matmul.js";
import { expandDims, reshape } from "../ops/reshape.js";
import { scaledDotProductAttention } from "../ops/scaledDotProductAttention.js";
import { swapAxes } from "../ops/transpose.js";
import type { InitializerLike } from "../resolve.js";
import { formatShape, sameShape, sizeOf, type Shape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { knownSize, type BatchShape } from "./batchShape.js";
import { Layer, type CallOptions, type LayerOptions } from "./layer.js";

export interface MultiHeadAttentionOptions extends LayerOptions {
  /** How many heads attend side by side. */
  numHeads: number;
  /** The size of each head. */
  keyDim: number;
  /** The part of the probabilities that is dropped in training; 0 by default. */
  dropout?: number;
  /** "glorotUniform" by default. */
  kernelInitializer?: InitializerLike;
  /** "zeros" by default. */
  biasInitializer?: InitializerLike;
}

export interface AttentionCallOptions extends CallOptions {
  /** bool [batch, queries, keys]: true where a query attends to a key. Null by default. */
  readonly attentionMask: Tensor | null;
  /** bool [batch, keys]: which steps of the values count. Null, the default, when all do. */
  readonly valueMask: Tensor | null;
  /** Whether query i attends to keys 0 ... i only. False by default. */
  readonly useCausalMask: boolean;
}

/** A product with a kernel and its bias, over the last axes. */
interface Projection {
  readonly kernel: Tensor;
  readonly bias: Tensor;
}

/**
 * Attention of several heads (Vaswani et al., "Attention is all you need", 2017): `apply([query, value])` with
 * [batch, queries, features] and [batch, keys, value features] gives [batch, queries, features]. See
 * {@link scaledDotProductAttention}.
 */
export class MultiHeadAttention extends Layer<readonly Tensor[], Tensor> {
  readonly numHeads: number;
  readonly keyDim: number;
  readonly dropout: number;
  protected override readonly takesList = true;
  protected override readonly callOptions = ["training", "mask", "attentionMask", "valueMask", "useCausalMask"];
  private readonly given: MultiHeadAttentionOptions;
  /** Of queries, keys, values and results: kernels [features, heads, size], of the results [heads, size, features]. */
  private projections: readonly Projection[] = [];

  constructor(options: MultiHeadAttentionOptions) {
    super(options, ["numHeads", "keyDim", "dropout", "kernelInitializer", "biasInitializer"]);
    this.numHeads = checkPositive(this.name, "numHeads", options.numHeads);
    this.keyDim = checkPositive(this.name, "keyDim", options.keyDim);
    this.dropout = checkRange(this.name, "dropout", options.dropout ?? 0, 0, 1);
    this.given = options;
    this.inputSpec = { rank: 3 };
  }

  override build([query, value]: readonly [BatchShape, BatchShape]): void {
    const { name, numHeads, keyDim } = this;
    const [features, valueFeatures] = [knownSize(name, query, -1), knownSize(name, value, -1)];
    this.projections = [
      this.makeProjection("query", [features, numHeads, keyDim], [numHeads, keyDim]),
      this.makeProjection("key", [valueFeatures, numHeads, keyDim], [numHeads, keyDim]),
      this.makeProjection("value", [valueFeatures, numHeads, keyDim], [numHeads, keyDim]),
      this.makeProjection("output", [numHeads, keyDim, features], [features]),
    ];
  }

  /** Runs the layer. @throws ShapeError, DTypeError for inputs and masks that do not fit. */
  override apply(x: readonly Tensor[], options: Partial<AttentionCallOptions> = {}): Tensor {
    return super.apply(x, options);
  }

  call([query, value]: readonly [Tensor, Tensor], options: AttentionCallOptions): Tensor {
    const { training, attentionMask = null, valueMask = null, useCausalMask: causal = false } = options;
    const [batch, queries] = query.shape as [number, number];
    const keys = value.shape[1]!;
    const masks = [
      this.checkMask("attentionMask", attentionMask, [batch, queries, keys]),
      this.checkMask("valueMask", valueMask, [batch, keys]),
    ];
    const mask = masks
      .filter((each) => each !== null)
      .reduce<Tensor | null>((a, b) => (a ? logicalAnd(a, b) : b), null);
    const [ofQuery, ofKey, ofValue, ofOutput] = this.projections as [Projection, Projection, Projection, Projection];
    const y = scaledDotProductAttention(
      this.heads(query, ofQuery),
      this.heads(value, ofKey),
      this.heads(value, ofValue),
      { mask, causal, dropout: training ? this.dropout : 0 },
    );
    const size = this.numHeads * this.keyDim;
    const { kernel, bias } = ofOutput;
    return matmul(reshape(swapAxes(y, 1, 2), [batch, queries, size]), reshape(kernel, [size, bias.size]), { bias });
  }

  override computeOutputShape([query]: readonly BatchShape[]): BatchShape {
    return query!;
  }

  private makeProjection(name: string, shape: Shape, biasShape: Shape): Projection {
    const { kernelInitializer = "glorotUniform", biasInitializer = "zeros" } = this.given;
    const kernel = this.addWeight({ name: `${name}Kernel`, shape, initializer: kernelInitializer });
    return { kernel, bias: this.addWeight({ name: `${name}Bias`, shape: biasShape, initializer: biasInitializer }) };
  }

  /** x [batch, time, features] -> [batch, heads, time, keyDim] */
  private heads(x: Tensor, { kernel, bias }: Projection): Tensor {
    const size = sizeOf(bias.shape);
    const y = matmul(x, reshape(kernel, [kernel.shape[0]!, size]), { bias: reshape(bias, [size]) });
    return swapAxes(reshape(y, [x.shape[0]!, x.shape[1]!, this.numHeads, this.keyDim]), 1, 2);
  }

  /** The mask with the axes of the scores, [batch, heads, queries, keys]. */
  private checkMask(name: string, mask: Tensor | null, shape: Shape): Tensor | null {
    if (mask === null) return null;
    checkTensor(this.name, mask);
    if (mask.dtype !== "bool") {
      throw new DTypeError(`${this.name}: ${name} is not bool: its dtype is ${mask.dtype}, expected bool`);
    }
    if (!sameShape(mask.shape, shape)) {
      throw new ShapeError(
        `${this.name}: ${name} does not fit: its shape is ${formatShape(mask.shape)}, expected ${formatShape(shape)}`,
      );
    }
    return shape.length === 2 ? expandDims(expandDims(mask, 1), 1) : expandDims(mask, 1);
  }
}

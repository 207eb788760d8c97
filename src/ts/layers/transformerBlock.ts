import { resolveActivation, type ActivationLike } from "../activations.js";
import { checkBoolean, checkPositive, checkRange } from "../checks.js";
import { ShapeError } from "../errors.js";
import { dropoutAdding } from "../ops/dropout.js";
import type { InitializerLike } from "../resolve.js";
import type { Tensor } from "../tensor.js";
import { formatBatchShape, knownSize, type BatchShape } from "./batchShape.js";
import { Dense } from "./dense.js";
import { Layer, type CallOptions, type LayerOptions, type Tensors } from "./layer.js";
import { LayerNormalization } from "./layerNormalization.js";
import { MultiHeadAttention } from "./multiHeadAttention.js";

/** The options that TransformerEncoderBlock and TransformerDecoderBlock share. */
export interface TransformerBlockOptions extends LayerOptions {
  /** How many heads attend side by side; each has its share of the features, which they must divide. */
  numHeads: number;
  /** The size of the first of the two dense layers that follow the attention. */
  intermediateDim: number;
  /** The part of the attention and of each sublayer's result that is dropped in training; 0 by default. */
  dropout?: number;
  /** Of the first dense layer; "relu" by default. */
  activation?: ActivationLike;
  /** Added to the variances; 1e-5 by default. */
  layerNormEpsilon?: number;
  /**
   * Whether the input of each sublayer is normalized, as in GPT-2, or its sum with the sublayer's result, as in the
   * paper and in BERT. False by default.
   */
  normalizeFirst?: boolean;
  /** "glorotUniform" by default. */
  kernelInitializer?: InitializerLike;
  /** "zeros" by default. */
  biasInitializer?: InitializerLike;
}

const OPTIONS = [
  "numHeads",
  "intermediateDim",
  "dropout",
  "activation",
  "layerNormEpsilon",
  "normalizeFirst",
  "kernelInitializer",
  "biasInitializer",
];

type Initializers = Required<Pick<TransformerBlockOptions, "kernelInitializer" | "biasInitializer">>;

/** What the blocks of a transformer share: sublayers between a residual connection and a normalization. */
export abstract class TransformerBlock<In extends Tensors, Options extends CallOptions> extends Layer<
  In,
  Tensor,
  Options
> {
  readonly numHeads: number;
  readonly intermediateDim: number;
  readonly dropout: number;
  readonly layerNormEpsilon: number;
  readonly normalizeFirst: boolean;
  private readonly given: TransformerBlockOptions;

  constructor(options: TransformerBlockOptions) {
    super(options, OPTIONS);
    this.numHeads = checkPositive(this.name, "numHeads", options.numHeads);
    this.intermediateDim = checkPositive(this.name, "intermediateDim", options.intermediateDim);
    this.dropout = checkRange(this.name, "dropout", options.dropout ?? 0, 0, 1);
    this.layerNormEpsilon = checkRange(this.name, "layerNormEpsilon", options.layerNormEpsilon ?? 1e-5, 0);
    this.normalizeFirst = checkBoolean(this.name, "normalizeFirst", options.normalizeFirst ?? false);
    resolveActivation(this.name, options.activation);
    this.given = options;
    this.inputSpec = { rank: 3 };
  }

  /** The part of the attention's probabilities that is dropped in training. */
  protected get attentionDropout(): number {
    return this.dropout;
  }

  /** The size of the last axis. @throws ShapeError when the heads do not divide it. */
  protected features(inputShape: BatchShape): number {
    const features = knownSize(this.name, inputShape, -1);
    if (features % this.numHeads === 0) return features;
    throw new ShapeError(
      `${this.name}: the heads do not divide the features: the input is ${formatBatchShape(inputShape)}, ` +
        `expected a multiple of ${this.numHeads} in axis -1`,
    );
  }

  /** Attention from sequences of the shape `query` to those of the shape `value`. */
  protected makeAttention(name: string, query: BatchShape, value: BatchShape): MultiHeadAttention {
    const { numHeads, attentionDropout } = this;
    const keyDim = this.features(query) / numHeads;
    const attention = new MultiHeadAttention({ ...this.shared(name), numHeads, keyDim, dropout: attentionDropout });
    attention.build([query, value]);
    return attention;
  }

  protected makeNormalization(name: string, inputShape: BatchShape): LayerNormalization {
    const { dtype, trainable, layerNormEpsilon: epsilon } = this;
    const normalization = new LayerNormalization({ name: `${this.name}/${name}`, dtype, trainable, epsilon });
    normalization.build(inputShape);
    return normalization;
  }

  /** The two dense layers. */
  protected makeFeedForward(inputShape: BatchShape): [Dense, Dense] {
    const activation = this.given.activation ?? "relu";
    const units = this.intermediateDim;
    const inner = new Dense({ ...this.shared("feedforward_intermediate_dense"), units, activation });
    const outer = new Dense({ ...this.shared("feedforward_output_dense"), units: this.features(inputShape) });
    inner.build(inputShape);
    outer.build(inner.computeOutputShape(inputShape));
    return [inner, outer];
  }

  /** The sum of `x` and what a sublayer makes of it, one of them normalized. The sublayer adds the residual it is given. */
  protected residual(
    x: Tensor,
    normalization: LayerNormalization,
    training: boolean,
    sublayer: (x: Tensor, residual?: Tensor) => Tensor,
  ): Tensor {
    const input = this.normalizeFirst ? normalization.apply(x) : x;
    const drops = training && this.dropout > 0;
    const sum = drops ? dropoutAdding(sublayer(input), this.dropout, x) : sublayer(input, x);
    return this.normalizeFirst ? sum : normalization.apply(sum);
  }

  private shared(name: string): LayerOptions & Initializers {
    const { dtype, trainable } = this;
    const { kernelInitializer = "glorotUniform", biasInitializer = "zeros" } = this.given;
    return { name: `${this.name}/${name}`, dtype, trainable, kernelInitializer, biasInitializer };
  }
}

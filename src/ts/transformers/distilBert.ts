import { markLogits } from "../activations.js";
import { RandomNormal } from "../initializers.js";
import { shapeList, type BatchShape } from "../layers/batchShape.js";
import { Dense } from "../layers/dense.js";
import { Dropout } from "../layers/dropout.js";
import type { CallOptions, Tensors } from "../layers/layer.js";
import { index } from "../ops/slice.js";
import type { Tensor } from "../tensor.js";
import { ACTIVATIONS } from "./activation.js";
import { DistilBertBlock } from "./block.js";
import { DISTILBERT, EPSILON, type DistilBertConfig } from "./distilBertConfig.js";
import { BertEmbeddings } from "./embeddings.js";
import { tokenInputs } from "./inputs.js";
import {
  attentionWeights,
  embeddingWeights,
  linearWeights,
  normalizationWeights,
  prefixed,
  type CheckpointWeight,
} from "./checkpointWeight.js";
import { PretrainedModel, type PretrainedModelOptions } from "./pretrainedModel.js";

/**
 * DistilBERT without a head (Sanh et al., "DistilBERT, a distilled version of BERT", 2019): token ids [batch, length], int32, or a
 * list `[inputIds, attentionMask]`, to a state for each token, [batch, length, dim]. Tokens with 0 in the attention mask
 * [batch, length] are not attended to; token types, if they follow, make no difference. With weights as Hugging Face initializes
 * them, until {@link PretrainedModel.fromPretrained} gives others.
 *
 * @throws ShapeError for inputs of different shapes, or more tokens than positions. @throws ArgumentError for a list of another
 * length. A token that is not in the vocabulary is an IndexError of the next wait.
 */
export class DistilBertModel extends PretrainedModel<DistilBertConfig> {
  /** @internal */
  static readonly family = DISTILBERT;
  readonly embeddings: BertEmbeddings;
  readonly blocks: readonly DistilBertBlock[];
  protected readonly architecture = "DistilBertModel";

  constructor(options: PretrainedModelOptions<DistilBertConfig> = {}) {
    super(DISTILBERT, options);
    const { vocabSize, dim, maxPositionEmbeddings, nLayers, nHeads, hiddenDim, initializerRange } = this.config;
    const { dropout, attentionDropout, padTokenId } = this.config;
    this.embeddings = new BertEmbeddings({
      ...this.inside("embeddings"),
      vocabSize,
      size: dim,
      maxPositions: maxPositionEmbeddings,
      types: null,
      padTokenId,
      epsilon: EPSILON,
      dropout,
      deviation: initializerRange,
    });
    this.blocks = Array.from(
      { length: nLayers },
      (_, i) =>
        new DistilBertBlock({
          ...this.inside(`blocks.${i}`),
          numHeads: nHeads,
          intermediateDim: hiddenDim,
          dropout,
          attentionDropout,
          activation: ACTIVATIONS[this.config.activation],
          layerNormEpsilon: EPSILON,
          kernelInitializer: new RandomNormal({ stddev: initializerRange }),
        }),
    );
    this.build([null, null]);
  }

  override build(_inputShape: BatchShape | readonly BatchShape[]): void {
    this.embeddings.build([null, null]);
    for (const block of this.blocks) block.build([null, null, this.config.dim]);
  }

  override call(x: Tensors, { training, mask: given }: CallOptions): Tensor {
    const { ids, mask } = tokenInputs(this.name, x, given);
    let states = this.embeddings.apply(ids, { training });
    for (const block of this.blocks) states = block.apply(states, { training, mask });
    return states;
  }

  override computeMask(x: Tensors, mask: Tensor | null = null): Tensor | null {
    return tokenInputs(this.name, x, mask).mask;
  }

  override computeOutputShape(inputShape: BatchShape | readonly BatchShape[]): BatchShape {
    const [ids] = shapeList(inputShape);
    return [...ids!, this.config.dim];
  }

  /** @internal */
  override checkpointWeights(): CheckpointWeight[] {
    const { words, positions, normalization } = this.embeddings;
    const attention = ["q_lin", "k_lin", "v_lin", "out_lin"].map((name) => `attention.${name}`);
    return [
      ...embeddingWeights("embeddings.word_embeddings", words),
      ...embeddingWeights("embeddings.position_embeddings", positions),
      ...normalizationWeights("embeddings.LayerNorm", normalization),
      ...this.blocks.flatMap((block, i) =>
        prefixed(`transformer.layer.${i}`, [
          ...attentionWeights(attention, block.selfAttention!),
          ...normalizationWeights("sa_layer_norm", block.selfAttentionNormalization!),
          ...linearWeights("ffn.lin1", block.feedForward![0]),
          ...linearWeights("ffn.lin2", block.feedForward![1]),
          ...normalizationWeights("output_layer_norm", block.feedForwardNormalization!),
        ]),
      ),
    ];
  }
}

/**
 * DistilBERT with a head that tells labels apart by the first token's state: the inputs of {@link DistilBertModel} to logits
 * [batch, numLabels]. Cross-entropies take them as what they are, in place of the probabilities that they expect unless they are
 * told; `predict` gives logits. One label makes a regression, to be trained with "meanSquaredError".
 *
 * @throws as DistilBertModel.
 */
export class DistilBertForSequenceClassification extends PretrainedModel<DistilBertConfig> {
  /** @internal */
  static readonly family = DISTILBERT;
  readonly distilbert: DistilBertModel;
  readonly preClassifier: Dense;
  readonly dropout: Dropout;
  readonly classifier: Dense;
  protected readonly architecture = "DistilBertForSequenceClassification";

  constructor(options: PretrainedModelOptions<DistilBertConfig> = {}) {
    super(DISTILBERT, options);
    const { dim, numLabels, initializerRange, seqClassifDropout } = this.config;
    const kernelInitializer = new RandomNormal({ stddev: initializerRange });
    this.distilbert = new DistilBertModel({ ...this.config, ...this.inside("distilbert") });
    this.preClassifier = new Dense({
      ...this.inside("preClassifier"),
      units: dim,
      activation: "relu",
      kernelInitializer,
    });
    this.dropout = new Dropout({ ...this.inside("dropout"), rate: seqClassifDropout });
    this.classifier = new Dense({ ...this.inside("classifier"), units: numLabels, kernelInitializer });
    this.build([null, null]);
  }

  override build(_inputShape: BatchShape | readonly BatchShape[]): void {
    const { dim } = this.config;
    this.preClassifier.build([null, dim]);
    this.classifier.build([null, dim]);
  }

  override call(x: Tensors, { training, mask }: CallOptions): Tensor {
    const states = this.distilbert.apply(x, { training, mask });
    const first = this.preClassifier.apply(index(states, null, 0));
    return markLogits(this.classifier.apply(this.dropout.apply(first, { training })));
  }

  override computeMask(): null {
    return null;
  }

  override computeOutputShape(inputShape: BatchShape | readonly BatchShape[]): BatchShape {
    return [shapeList(inputShape)[0]![0]!, this.config.numLabels];
  }

  /** @internal */
  override checkpointWeights(): CheckpointWeight[] {
    return [
      ...prefixed("distilbert", this.distilbert.checkpointWeights()),
      ...linearWeights("pre_classifier", this.preClassifier),
      ...linearWeights("classifier", this.classifier),
    ];
  }
}

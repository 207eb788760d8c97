import { markLogits } from "../activations.js";
import { RandomNormal } from "../initializers.js";
import { shapeList, type BatchShape } from "../layers/batchShape.js";
import { Dense } from "../layers/dense.js";
import { Dropout } from "../layers/dropout.js";
import type { CallOptions, Tensors } from "../layers/layer.js";
import { index } from "../ops/slice.js";
import type { Tensor } from "../tensor.js";
import { ACTIVATIONS } from "./activation.js";
import { BERT, type BertConfig } from "./bertConfig.js";
import { BertBlock } from "./block.js";
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
 * BERT without a head (Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding", 2018):
 * token ids [batch, length], int32, or a list `[inputIds, attentionMask, tokenTypeIds]`, to `[states, pooled]`: a state for each
 * token, [batch, length, hiddenSize], and what the pooler makes of the first one, [batch, hiddenSize]. Tokens with 0 in the
 * attention mask [batch, length] are not attended to; all tokens are of type 0 unless the list says otherwise. With weights as
 * Hugging Face initializes them, until {@link PretrainedModel.fromPretrained} gives others.
 *
 * @throws ShapeError for inputs of different shapes, or more tokens than positions. @throws ArgumentError for a list of another
 * length. A token or type that there is not is an IndexError of the next wait.
 */
export class BertModel extends PretrainedModel<BertConfig, Tensor[]> {
  /** @internal */
  static readonly family = BERT;
  readonly embeddings: BertEmbeddings;
  readonly blocks: readonly BertBlock[];
  readonly pooler: Dense;
  protected readonly architecture = "BertModel";

  constructor(options: PretrainedModelOptions<BertConfig> = {}) {
    super(BERT, options);
    const { hiddenSize, numHiddenLayers, hiddenDropoutProb: dropout, initializerRange, layerNormEps } = this.config;
    const kernelInitializer = new RandomNormal({ stddev: initializerRange });
    this.embeddings = new BertEmbeddings({
      ...this.inside("embeddings"),
      vocabSize: this.config.vocabSize,
      size: hiddenSize,
      maxPositions: this.config.maxPositionEmbeddings,
      types: this.config.typeVocabSize,
      padTokenId: this.config.padTokenId,
      epsilon: layerNormEps,
      dropout,
      deviation: initializerRange,
    });
    this.blocks = Array.from(
      { length: numHiddenLayers },
      (_, i) =>
        new BertBlock({
          ...this.inside(`blocks.${i}`),
          numHeads: this.config.numAttentionHeads,
          intermediateDim: this.config.intermediateSize,
          dropout,
          attentionDropout: this.config.attentionProbsDropoutProb,
          activation: ACTIVATIONS[this.config.hiddenAct],
          layerNormEpsilon: layerNormEps,
          kernelInitializer,
        }),
    );
    this.pooler = new Dense({ ...this.inside("pooler"), units: hiddenSize, activation: "tanh", kernelInitializer });
    this.build([null, null]);
  }

  override build(_inputShape: BatchShape | readonly BatchShape[]): void {
    const { hiddenSize } = this.config;
    this.embeddings.build([null, null]);
    for (const block of this.blocks) block.build([null, null, hiddenSize]);
    this.pooler.build([null, hiddenSize]);
  }

  override call(x: Tensors, { training, mask: given }: CallOptions): Tensor[] {
    const { ids, mask, types } = tokenInputs(this.name, x, given);
    let states = this.embeddings.apply(types ? [ids, types] : ids, { training });
    for (const block of this.blocks) states = block.apply(states, { training, mask });
    return [states, this.pooler.apply(index(states, null, 0))];
  }

  override computeMask(x: Tensors, mask: Tensor | null = null): Tensor | null {
    return tokenInputs(this.name, x, mask).mask;
  }

  override computeOutputShape(inputShape: BatchShape | readonly BatchShape[]): BatchShape[] {
    const [ids] = shapeList(inputShape);
    const { hiddenSize } = this.config;
    return [
      [...ids!, hiddenSize],
      [ids![0]!, hiddenSize],
    ];
  }

  /** @internal */
  override checkpointWeights(): CheckpointWeight[] {
    const { words, positions, types, normalization } = this.embeddings;
    const attention = ["self.query", "self.key", "self.value", "output.dense"].map((name) => `attention.${name}`);
    return [
      ...embeddingWeights("embeddings.word_embeddings", words),
      ...embeddingWeights("embeddings.position_embeddings", positions),
      ...embeddingWeights("embeddings.token_type_embeddings", types!),
      ...normalizationWeights("embeddings.LayerNorm", normalization),
      ...this.blocks.flatMap((block, i) =>
        prefixed(`encoder.layer.${i}`, [
          ...attentionWeights(attention, block.selfAttention!),
          ...normalizationWeights("attention.output.LayerNorm", block.selfAttentionNormalization!),
          ...linearWeights("intermediate.dense", block.feedForward![0]),
          ...linearWeights("output.dense", block.feedForward![1]),
          ...normalizationWeights("output.LayerNorm", block.feedForwardNormalization!),
        ]),
      ),
      ...linearWeights("pooler.dense", this.pooler),
    ];
  }
}

/**
 * BERT with a head that tells labels apart by the pooled first state: the inputs of {@link BertModel} to logits [batch, numLabels].
 * Cross-entropies take them as what they are, in place of the probabilities that they expect unless they are told; `predict` gives
 * logits. One label makes a regression, to be trained with "meanSquaredError".
 *
 * @throws as BertModel.
 */
export class BertForSequenceClassification extends PretrainedModel<BertConfig> {
  /** @internal */
  static readonly family = BERT;
  readonly bert: BertModel;
  readonly dropout: Dropout;
  readonly classifier: Dense;
  protected readonly architecture = "BertForSequenceClassification";

  constructor(options: PretrainedModelOptions<BertConfig> = {}) {
    super(BERT, options);
    const { numLabels, initializerRange, classifierDropout, hiddenDropoutProb } = this.config;
    this.bert = new BertModel({ ...this.config, ...this.inside("bert") });
    this.dropout = new Dropout({ ...this.inside("dropout"), rate: classifierDropout ?? hiddenDropoutProb });
    this.classifier = new Dense({
      ...this.inside("classifier"),
      units: numLabels,
      kernelInitializer: new RandomNormal({ stddev: initializerRange }),
    });
    this.build([null, null]);
  }

  override build(_inputShape: BatchShape | readonly BatchShape[]): void {
    this.classifier.build([null, this.config.hiddenSize]);
  }

  override call(x: Tensors, { training, mask }: CallOptions): Tensor {
    const [, pooled] = this.bert.apply(x, { training, mask });
    return markLogits(this.classifier.apply(this.dropout.apply(pooled!, { training })));
  }

  override computeMask(): null {
    return null;
  }

  override computeOutputShape(inputShape: BatchShape | readonly BatchShape[]): BatchShape {
    return [shapeList(inputShape)[0]![0]!, this.config.numLabels];
  }

  /** @internal */
  override checkpointWeights(): CheckpointWeight[] {
    return [...prefixed("bert", this.bert.checkpointWeights()), ...linearWeights("classifier", this.classifier)];
  }
}

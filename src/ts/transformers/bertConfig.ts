import { checkPositive } from "../checks.js";
import type { BertActivation } from "./activation.js";
import { checkActivation, checkNonNegative, checkRate, checkToken } from "./config.js";
import type { Family } from "./pretrainedModel.js";

/** The sizes and rates of a BERT model: those of `config.json`, with the defaults of bert-base-uncased. */
export interface BertConfig {
  /** 30522 by default. */
  readonly vocabSize: number;
  /** The size of a token's state, which the heads must divide; 768 by default. */
  readonly hiddenSize: number;
  /** The number of blocks; 12 by default. */
  readonly numHiddenLayers: number;
  /** 12 by default. */
  readonly numAttentionHeads: number;
  /** Of the first dense layer of each block; 3072 by default. */
  readonly intermediateSize: number;
  /** "gelu" by default. */
  readonly hiddenAct: BertActivation;
  /** Of the embeddings and of the results of each block's sublayers; 0.1 by default. */
  readonly hiddenDropoutProb: number;
  /** Of the attention's probabilities; 0.1 by default. */
  readonly attentionProbsDropoutProb: number;
  /** The most tokens of a text; 512 by default. */
  readonly maxPositionEmbeddings: number;
  /** The number of token types; 2 by default. */
  readonly typeVocabSize: number;
  /** The standard deviation of the first weights; 0.02 by default. */
  readonly initializerRange: number;
  /** Added to the variances; 1e-12 by default. */
  readonly layerNormEps: number;
  /** The token that stands for padding, whose row of the embeddings is zeros and not trained, or null; 0 by default. */
  readonly padTokenId: number | null;
  /** In the head of a classification; null, the default, for `hiddenDropoutProb`. */
  readonly classifierDropout: number | null;
  /** 2 by default. */
  readonly numLabels: number;
}

export const BERT: Family<BertConfig> = {
  modelType: "bert",
  fields: {
    vocabSize: [checkPositive, 30_522],
    hiddenSize: [checkPositive, 768],
    numHiddenLayers: [checkPositive, 12],
    numAttentionHeads: [checkPositive, 12],
    intermediateSize: [checkPositive, 3072],
    hiddenAct: [checkActivation, "gelu"],
    hiddenDropoutProb: [checkRate, 0.1],
    attentionProbsDropoutProb: [checkRate, 0.1],
    maxPositionEmbeddings: [checkPositive, 512],
    typeVocabSize: [checkPositive, 2],
    initializerRange: [checkNonNegative, 0.02],
    layerNormEps: [checkNonNegative, 1e-12],
    padTokenId: [checkToken, 0],
    classifierDropout: [(op, name, value) => (value === null ? null : checkRate(op, name, value)), null],
    numLabels: [checkPositive, 2],
  },
  fixed: { is_decoder: false, position_embedding_type: "absolute" },
  names: {
    prefix: "bert",
    ignored: ["embeddings.position_ids", "embeddings.token_type_ids", "cls.", "qa_outputs.", "classifier."],
    optional: ["pooler.", "classifier."],
  },
};

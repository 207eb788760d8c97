import { checkPositive } from "../checks.js";
import type { BertActivation } from "./activation.js";
import { checkActivation, checkNonNegative, checkRate, checkToken } from "./config.js";
import type { Family } from "./pretrainedModel.js";

/** The sizes and rates of a DistilBERT model: those of `config.json`, with the defaults of distilbert-base-uncased. */
export interface DistilBertConfig {
  /** 30522 by default. */
  readonly vocabSize: number;
  /** The most tokens of a text; 512 by default. */
  readonly maxPositionEmbeddings: number;
  /** The number of blocks; 6 by default. */
  readonly nLayers: number;
  /** 12 by default. */
  readonly nHeads: number;
  /** The size of a token's state, which the heads must divide; 768 by default. */
  readonly dim: number;
  /** Of the first dense layer of each block; 3072 by default. */
  readonly hiddenDim: number;
  /** Of the embeddings and of each block's result; 0.1 by default. */
  readonly dropout: number;
  /** Of the attention's probabilities; 0.1 by default. */
  readonly attentionDropout: number;
  /** In the head of a classification; 0.2 by default. */
  readonly seqClassifDropout: number;
  /** "gelu" by default. */
  readonly activation: BertActivation;
  /** The standard deviation of the first weights; 0.02 by default. */
  readonly initializerRange: number;
  /** The token that stands for padding, whose row of the embeddings is zeros and not trained, or null; 0 by default. */
  readonly padTokenId: number | null;
  /** 2 by default. */
  readonly numLabels: number;
}

/** DistilBERT normalizes with this epsilon, whatever the configuration. */
export const EPSILON = 1e-12;

export const DISTILBERT: Family<DistilBertConfig> = {
  modelType: "distilbert",
  fields: {
    vocabSize: [checkPositive, 30_522],
    maxPositionEmbeddings: [checkPositive, 512],
    nLayers: [checkPositive, 6],
    nHeads: [checkPositive, 12],
    dim: [checkPositive, 768],
    hiddenDim: [checkPositive, 3072],
    dropout: [checkRate, 0.1],
    attentionDropout: [checkRate, 0.1],
    seqClassifDropout: [checkRate, 0.2],
    activation: [checkActivation, "gelu"],
    initializerRange: [checkNonNegative, 0.02],
    padTokenId: [checkToken, 0],
    numLabels: [checkPositive, 2],
  },
  fixed: {},
  names: {
    prefix: "distilbert",
    ignored: ["embeddings.position_ids", "vocab_", "qa_outputs.", "pre_classifier.", "classifier."],
    optional: ["pre_classifier.", "classifier."],
  },
};

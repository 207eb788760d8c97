import type { LayerNormalization } from "../layers/layerNormalization.js";
import { TransformerEncoderBlock, type TransformerEncoderBlockOptions } from "../layers/transformerEncoderBlock.js";
import type { Tensor } from "../tensor.js";

export interface BertBlockOptions extends TransformerEncoderBlockOptions {
  /** The part of the attention's probabilities that is dropped in training. */
  readonly attentionDropout: number;
}

/** An encoder block with a dropout of its own for the attention's probabilities, as BERT has it. */
export class BertBlock extends TransformerEncoderBlock {
  private readonly rate: number;

  constructor({ attentionDropout, ...options }: BertBlockOptions) {
    super(options);
    this.rate = attentionDropout;
  }

  protected override get attentionDropout(): number {
    return this.rate;
  }
}

/** DistilBERT's block: as BERT's, but nothing of the attention's result is dropped. */
export class DistilBertBlock extends BertBlock {
  protected override residual(
    x: Tensor,
    normalization: LayerNormalization,
    training: boolean,
    sublayer: (x: Tensor, residual?: Tensor) => Tensor,
  ): Tensor {
    const drops = training && normalization !== this.selfAttentionNormalization;
    return super.residual(x, normalization, drops, sublayer);
  }
}

import type { Tensor } from "../tensor.js";
import type { BatchShape } from "./batchShape.js";
import type { Dense } from "./dense.js";
import type { CallOptions } from "./layer.js";
import type { LayerNormalization } from "./layerNormalization.js";
import type { MultiHeadAttention } from "./multiHeadAttention.js";
import { TransformerBlock, type TransformerBlockOptions } from "./transformerBlock.js";

export type TransformerEncoderBlockOptions = TransformerBlockOptions;

export interface TransformerEncoderCallOptions extends CallOptions {
  /** bool [batch, time, time]: true where a step (the second axis) attends to another (the third). Null by default. */
  readonly attentionMask: Tensor | null;
}

/**
 * An encoder block of a transformer (Vaswani et al., "Attention is all you need", 2017): self-attention, in which no
 * step attends to one that the mask excludes, then two dense layers, each with a residual connection and a layer
 * normalization. [batch, time, features] to the same shape. As KerasHub's TransformerEncoder, with weights in its order.
 *
 * @throws ShapeError when the heads do not divide the features, or a mask does not fit. @throws DTypeError for a mask that is
 * not bool.
 */
export class TransformerEncoderBlock extends TransformerBlock<Tensor, TransformerEncoderCallOptions> {
  // In KerasHub's order: it is that of the weights.
  selfAttention: MultiHeadAttention | undefined;
  selfAttentionNormalization: LayerNormalization | undefined;
  feedForwardNormalization: LayerNormalization | undefined;
  feedForward: [Dense, Dense] | undefined;
  protected override readonly callOptions = ["training", "mask", "attentionMask"];

  override build(inputShape: BatchShape): void {
    const features = this.features(inputShape);
    this.selfAttention = this.makeAttention("self_attention", inputShape, inputShape);
    this.selfAttentionNormalization = this.makeNormalization("self_attention_layer_norm", inputShape);
    this.feedForwardNormalization = this.makeNormalization("feedforward_layer_norm", inputShape);
    this.feedForward = this.makeFeedForward(inputShape);
    this.inputSpec = { rank: 3, axes: { [-1]: features } };
  }

  call(x: Tensor, { training, mask, attentionMask = null }: TransformerEncoderCallOptions): Tensor {
    const attended = this.residual(x, this.selfAttentionNormalization!, training, (y, residual) =>
      this.selfAttention!.applyAdding(y, residual, { training, mask, attentionMask }),
    );
    const [inner, outer] = this.feedForward!;
    return this.residual(attended, this.feedForwardNormalization!, training, (y, residual) =>
      outer.applyAdding(inner.apply(y), residual),
    );
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    return inputShape;
  }
}

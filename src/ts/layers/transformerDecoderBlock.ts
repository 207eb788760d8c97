import { ArgumentError, ShapeError } from "../errors.js";
import { checkTensor } from "../op.js";
import { formatShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { shapeList, type BatchShape } from "./batchShape.js";
import type { Dense } from "./dense.js";
import type { CallOptions, ShapesOf } from "./layer.js";
import type { LayerNormalization } from "./layerNormalization.js";
import type { MultiHeadAttention } from "./multiHeadAttention.js";
import { TransformerBlock, type TransformerBlockOptions } from "./transformerBlock.js";

export type TransformerDecoderBlockOptions = TransformerBlockOptions;

/** Sequences, or sequences and what an encoder made of others. */
export type TransformerDecoderInput = Tensor | readonly [x: Tensor, encoderOutput: Tensor];

export interface TransformerDecoderCallOptions extends CallOptions {
  /** bool [batch, time, time]: true where a step (the second axis) attends to another (the third). Null by default. */
  readonly attentionMask: Tensor | null;
  /** Which steps of the encoder's output count: bool [batch, encoder time]. Null, the default, when all do. */
  readonly encoderMask: Tensor | null;
}

/**
 * A decoder block of a transformer (Vaswani et al., "Attention is all you need", 2017): self-attention, in which a step
 * attends to itself and those before it, but for those that the mask excludes; if the encoder's output is given,
 * attention to that; then two dense layers. Each has a residual connection and a layer normalization. [batch, time,
 * features], or a list of that and [batch, encoder time, encoder features], to [batch, time, features]; the first call
 * says for good which of both. As KerasHub's TransformerDecoder, with weights in its order.
 *
 * @throws ShapeError when the heads do not divide the features, or batches or a mask do not fit. @throws DTypeError for a mask
 * that is not bool. @throws ArgumentError for a call with an encoder's output where the block was built without one, or the
 * other way round.
 */
export class TransformerDecoderBlock extends TransformerBlock<TransformerDecoderInput, TransformerDecoderCallOptions> {
  // In KerasHub's order: it is that of the weights.
  selfAttention: MultiHeadAttention | undefined;
  selfAttentionNormalization: LayerNormalization | undefined;
  /** Undefined in a block without an encoder's output. */
  crossAttention: MultiHeadAttention | undefined;
  crossAttentionNormalization: LayerNormalization | undefined;
  feedForward: [Dense, Dense] | undefined;
  feedForwardNormalization: LayerNormalization | undefined;
  protected override readonly takesList = true;
  protected override readonly callOptions = ["training", "mask", "attentionMask", "encoderMask"];

  override build(inputShape: ShapesOf<TransformerDecoderInput>): void {
    const [shape, encoderShape] = shapeList(inputShape) as [BatchShape, BatchShape?];
    this.features(shape);
    this.selfAttention = this.makeAttention("self_attention", shape, shape);
    this.selfAttentionNormalization = this.makeNormalization("self_attention_layer_norm", shape);
    if (encoderShape !== undefined) {
      this.crossAttention = this.makeAttention("cross_attention", shape, encoderShape);
      this.crossAttentionNormalization = this.makeNormalization("cross_attention_layer_norm", shape);
    }
    this.feedForward = this.makeFeedForward(shape);
    this.feedForwardNormalization = this.makeNormalization("feedforward_layer_norm", shape);
  }

  protected override accept<X extends TransformerDecoderInput>(input: X): X {
    const given = Array.isArray(input);
    if (given && input.length !== 2) {
      throw new ArgumentError(
        `${this.name}: the input is wrong: a list of ${input.length}, expected a tensor, or [x, encoderOutput]`,
      );
    }
    if (given) this.checkBatches(input as readonly Tensor[]);
    const accepted = super.accept(input);
    const built = this.crossAttention !== undefined;
    if (given === built) return accepted;
    throw new ArgumentError(
      `${this.name}: the block was built ${built ? "with" : "without"} an encoder's output: this call has ${given ? "one" : "none"}`,
    );
  }

  /** Before weights are made for inputs that no attention can bring together. */
  private checkBatches([x, encoderOutput]: readonly Tensor[]): void {
    checkTensor(this.name, x);
    checkTensor(this.name, encoderOutput);
    if (x!.shape[0] === encoderOutput!.shape[0]) return;
    throw new ShapeError(
      `${this.name}: the batches differ: the input is ${formatShape(x!.shape)}, the encoder's output ${formatShape(encoderOutput!.shape)}`,
    );
  }

  call(input: TransformerDecoderInput, options: TransformerDecoderCallOptions): Tensor {
    const { training, mask, attentionMask = null, encoderMask = null } = options;
    const [x, encoderOutput] = (Array.isArray(input) ? input : [input]) as [Tensor, Tensor?];
    if (encoderMask !== null && encoderOutput === undefined) {
      throw new ArgumentError(`${this.name}: encoderMask is for an encoder's output: this call has none`);
    }
    let y = this.residual(x, this.selfAttentionNormalization!, training, (own, residual) =>
      this.selfAttention!.applyAdding(own, residual, { training, mask, attentionMask, useCausalMask: true }),
    );
    if (encoderOutput !== undefined) {
      y = this.residual(y, this.crossAttentionNormalization!, training, (own, residual) =>
        this.crossAttention!.applyAdding([own, encoderOutput], residual, { training, valueMask: encoderMask }),
      );
    }
    const [inner, outer] = this.feedForward!;
    return this.residual(y, this.feedForwardNormalization!, training, (own, residual) =>
      outer.applyAdding(inner.apply(own), residual),
    );
  }

  override computeOutputShape(inputShape: ShapesOf<TransformerDecoderInput>): BatchShape {
    return shapeList(inputShape)[0]!;
  }
}

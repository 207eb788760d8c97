import { ArgumentError, ShapeError } from "../errors.js";
import { RandomNormal } from "../initializers.js";
import { Dropout } from "../layers/dropout.js";
import { Embedding } from "../layers/embedding.js";
import { shapeList, type BatchShape } from "../layers/batchShape.js";
import { Layer, type CallOptions, type FloatDType, type LayerOptions, type Tensors } from "../layers/layer.js";
import { LayerNormalization } from "../layers/layerNormalization.js";
import { assign } from "../ops/assign.js";
import { add } from "../ops/binary.js";
import { equal } from "../ops/compare.js";
import { arange, zeros } from "../ops/creation.js";
import { expandDims } from "../ops/reshape.js";
import { slice } from "../ops/slice.js";
import { where } from "../ops/where.js";
import type { Shape } from "../shape.js";
import type { Tensor } from "../tensor.js";

/** The sizes that BERT and DistilBERT give their embeddings, whatever their configurations call them. */
export interface BertEmbeddingsOptions extends LayerOptions {
  readonly vocabSize: number;
  readonly size: number;
  readonly maxPositions: number;
  /** How many token types there are; null where all tokens are of one. */
  readonly types: number | null;
  /** The token that stands for padding: its row begins as zeros and is not trained. */
  readonly padTokenId: number | null;
  readonly epsilon: number;
  readonly dropout: number;
  /** The standard deviation of the first values. */
  readonly deviation: number;
}

/**
 * The sum of a row for each token, each position and, in BERT, each token type, normalized: token ids [batch, length],
 * or a list of them and their types, to [batch, length, size].
 *
 * @throws ShapeError for more tokens than there are positions.
 */
export class BertEmbeddings extends Layer<Tensors> {
  readonly words: Embedding;
  readonly positions: Embedding;
  readonly types: Embedding | null;
  readonly normalization: LayerNormalization;
  readonly dropout: Dropout;
  private readonly padTokenId: number | null;
  private readonly size: number;
  protected override readonly castsInput = false;
  protected override readonly takesList = true;

  constructor(options: BertEmbeddingsOptions) {
    const { name, dtype, trainable, vocabSize, size, maxPositions, types, padTokenId, epsilon, deviation } = options;
    super({ name, dtype, trainable });
    if (padTokenId !== null && padTokenId >= vocabSize) {
      throw new ArgumentError(
        `${this.name}: padTokenId is no token: it is ${padTokenId}, expected less than vocabSize, ${vocabSize}`,
      );
    }
    const normal = new RandomNormal({ stddev: deviation });
    const table = (what: string, inputDim: number, embeddingsInitializer: typeof normal | typeof padded): Embedding =>
      new Embedding({ ...this.common(what), inputDim, outputDim: size, embeddingsInitializer });
    const padded = (shape: Shape, ofDtype: FloatDType): Tensor => {
      const rows = normal.call(shape, ofDtype);
      if (padTokenId !== null)
        assign(slice(rows, [[padTokenId, padTokenId + 1]]), zeros([1, size], { dtype: ofDtype }));
      return rows;
    };
    this.words = table("words", vocabSize, padded);
    this.positions = table("positions", maxPositions, normal);
    this.types = types === null ? null : table("types", types, normal);
    this.normalization = new LayerNormalization({ ...this.common("normalization"), epsilon });
    this.dropout = new Dropout({ ...this.common("dropout"), rate: options.dropout });
    this.padTokenId = padTokenId;
    this.size = size;
    this.inputSpec = { rank: 2 };
  }

  override build(_inputShape: BatchShape | readonly BatchShape[]): void {
    const tables: (Layer | null)[] = [this.words, this.positions, this.types];
    for (const table of tables) table?.build([null, null]);
    this.normalization.build([null, null, this.size]);
  }

  call(x: Tensors, { training }: CallOptions): Tensor {
    const [ids, types] = (Array.isArray(x) ? x : [x]) as [Tensor, Tensor | undefined];
    const length = ids.shape[1]!;
    if (length > this.positions.inputDim) {
      throw new ShapeError(
        `${this.name}: too many tokens: the input has ${length} in axis 1, expected at most ${this.positions.inputDim}, one for each position`,
      );
    }
    const positions = this.positions.apply(arange(length, { dtype: "int32", device: ids.device }));
    let sum = this.wordsOf(ids);
    // Where all tokens are of type 0, its row is added to the positions' few.
    if (types && this.types) sum = add(add(sum, this.types.apply(types)), positions);
    else
      sum = add(
        sum,
        this.types ? add(positions, this.types.apply(zeros([1], { dtype: "int32", device: ids.device }))) : positions,
      );
    return this.dropout.apply(this.normalization.apply(sum), { training });
  }

  override computeOutputShape(inputShape: BatchShape | readonly BatchShape[]): BatchShape {
    const [ids] = shapeList(inputShape);
    return [...ids!, this.size];
  }

  private wordsOf(ids: Tensor): Tensor {
    const words = this.words.apply(ids);
    if (this.padTokenId === null || !words.requiresGrad) return words;
    return where(expandDims(equal(ids, this.padTokenId), -1), words.detach(), words);
  }

  private common(what: string): LayerOptions {
    const { dtype, trainable } = this;
    return { name: `${this.name}/${what}`, dtype, trainable };
  }
}

import { checkPositive } from "../checks.js";
import { expandDims, squeeze } from "../ops/reshape.js";
import { rowPadding, type Padding, type SequencePadding } from "../ops/window.js";
import type { Pool2dOptions } from "../ops/pool.js";
import type { Tensor } from "../tensor.js";
import type { BatchShape } from "./batchShape.js";
import { Layer, type LayerOptions } from "./layer.js";
import { channelAxis, checkDataFormat, windowedRowShape, type DataFormat } from "./window.js";

export interface Pooling1DOptions extends LayerOptions {
  /** The window's length; 2 by default. */
  poolSize?: number;
  /** The pool size by default, so that windows do not overlap. */
  strides?: number;
  /** "valid" (no padding, the default), "same" (stride 1 keeps the length), or steps that do not count. */
  padding?: SequencePadding;
  /** "channelsLast" by default. */
  dataFormat?: DataFormat;
}

/** What layers have in common that make one number of each window of sequences. */
export abstract class Pooling1D extends Layer {
  readonly poolSize: number;
  readonly strides: number;
  readonly padding: SequencePadding;
  readonly dataFormat: DataFormat;

  constructor(options: Pooling1DOptions = {}) {
    super(options, ["poolSize", "strides", "padding", "dataFormat"]);
    this.poolSize = checkPositive(this.name, "poolSize", options.poolSize ?? 2);
    this.strides = checkPositive(this.name, "strides", options.strides ?? this.poolSize);
    this.padding = options.padding ?? "valid";
    this.imagePadding(); // Checks it.
    this.dataFormat = checkDataFormat(this.name, options.dataFormat ?? "channelsLast");
    this.inputSpec = { rank: 3 };
  }

  /** Pools images. */
  protected abstract pool(images: Tensor, options: Pool2dOptions): Tensor;

  /** A sequence is an image of one row. */
  call(x: Tensor): Tensor {
    const { poolSize, strides, dataFormat } = this;
    const row = dataFormat === "channelsFirst" ? 2 : 1;
    const images = expandDims(x, row);
    const pooled = this.pool(images, {
      poolSize: [1, poolSize],
      strides: [1, strides],
      padding: this.imagePadding(),
      dataFormat,
    });
    const result = squeeze(pooled, row);
    images.dispose();
    pooled.dispose();
    return result;
  }

  override computeMask(): null {
    return null;
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    const { name, poolSize: size, strides: stride, dataFormat } = this;
    const channels = inputShape.at(channelAxis(dataFormat))!;
    const row = { size, stride, dilation: 1, padding: this.imagePadding() };
    return windowedRowShape(name, inputShape, channels, dataFormat, row);
  }

  private imagePadding(): Padding {
    return rowPadding(this.name, this.padding, null);
  }
}

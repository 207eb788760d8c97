import { checkPair } from "../ops/arguments.js";
import { checkPadding, type Padding } from "../ops/window.js";
import type { BatchShape } from "./batchShape.js";
import { Layer, type LayerOptions } from "./layer.js";
import { channelAxis, checkDataFormat, windowedShape, type DataFormat } from "./window.js";

export interface Pooling2DOptions extends LayerOptions {
  /** The window's [height, width], or one number for both; 2 by default. */
  poolSize?: number | [number, number];
  /** The pool size by default, so that windows do not overlap. */
  strides?: number | [number, number];
  /** "valid" (no padding, the default), "same" (stride 1 keeps the size), or rows and columns that do not count. */
  padding?: Padding;
  /** "channelsLast" by default. */
  dataFormat?: DataFormat;
}

/** What layers have in common that make one number of each window of images. */
export abstract class Pooling2D extends Layer {
  readonly poolSize: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly padding: Padding;
  readonly dataFormat: DataFormat;

  constructor(options: Pooling2DOptions = {}) {
    super(options, ["poolSize", "strides", "padding", "dataFormat"]);
    this.poolSize = checkPair(this.name, "poolSize", options.poolSize ?? 2);
    this.strides = checkPair(this.name, "strides", options.strides ?? this.poolSize);
    this.padding = checkPadding(this.name, options.padding ?? "valid");
    this.dataFormat = checkDataFormat(this.name, options.dataFormat ?? "channelsLast");
    this.inputSpec = { rank: 4 };
  }

  override computeMask(): null {
    return null;
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    const { poolSize: size, strides, padding, dataFormat } = this;
    const channels = inputShape.at(channelAxis(dataFormat))!;
    return windowedShape(this.name, inputShape, channels, dataFormat, { size, strides, dilation: [1, 1], padding });
  }
}

import { checkBoolean } from "../checks.js";
import type { BatchShape } from "./batchShape.js";
import { Layer, type LayerOptions } from "./layer.js";
import { checkDataFormat, type DataFormat } from "./window.js";

export interface GlobalPoolingOptions extends LayerOptions {
  /** Whether the axes that are pooled stay, with size 1; false by default. */
  keepDims?: boolean;
  /** "channelsLast" by default. */
  dataFormat?: DataFormat;
}

/** What layers have in common that make one number of all pixels or steps of each channel. */
export abstract class GlobalPooling extends Layer {
  readonly keepDims: boolean;
  readonly dataFormat: DataFormat;
  /** Those of the pixels or steps. */
  protected readonly axes: readonly number[];

  /** `dimensions` are those of the places: 2 of images, 1 of sequences. */
  constructor(options: GlobalPoolingOptions, dimensions: 1 | 2) {
    super(options, ["keepDims", "dataFormat"]);
    this.keepDims = checkBoolean(this.name, "keepDims", options.keepDims ?? false);
    this.dataFormat = checkDataFormat(this.name, options.dataFormat ?? "channelsLast");
    const first = this.dataFormat === "channelsFirst" ? 2 : 1;
    this.axes = Array.from({ length: dimensions }, (_, i) => first + i);
    this.inputSpec = { rank: dimensions + 2 };
  }

  override computeMask(): null {
    return null;
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    return this.keepDims
      ? inputShape.map((size, axis) => (this.axes.includes(axis) ? 1 : size))
      : inputShape.filter((_, axis) => !this.axes.includes(axis));
  }
}

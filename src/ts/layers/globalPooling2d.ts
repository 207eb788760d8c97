import { checkBoolean } from "../checks.js";
import type { BatchShape } from "./batchShape.js";
import { Layer, type LayerOptions } from "./layer.js";
import { checkDataFormat, type DataFormat } from "./window.js";

export interface GlobalPooling2DOptions extends LayerOptions {
  /** Whether height and width stay, with size 1; false by default. */
  keepDims?: boolean;
  /** "channelsLast" by default. */
  dataFormat?: DataFormat;
}

/** What layers have in common that make one number of all pixels of each channel. */
export abstract class GlobalPooling2D extends Layer {
  readonly keepDims: boolean;
  readonly dataFormat: DataFormat;

  constructor(options: GlobalPooling2DOptions = {}) {
    super(options, ["keepDims", "dataFormat"]);
    this.keepDims = checkBoolean(this.name, "keepDims", options.keepDims ?? false);
    this.dataFormat = checkDataFormat(this.name, options.dataFormat ?? "channelsLast");
    this.inputSpec = { rank: 4 };
  }

  override computeMask(): null {
    return null;
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    const first = this.dataFormat === "channelsFirst" ? 2 : 1;
    return this.keepDims
      ? inputShape.map((size, axis) => (axis === first || axis === first + 1 ? 1 : size))
      : inputShape.toSpliced(first, 2);
  }
}

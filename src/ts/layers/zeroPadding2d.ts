import { pad } from "../ops/pad.js";
import type { Tensor } from "../tensor.js";
import type { BatchShape } from "./batchShape.js";
import { Layer, type LayerOptions } from "./layer.js";
import { checkDataFormat, checkSides, type DataFormat, type Sides } from "./window.js";

export interface ZeroPadding2DOptions extends LayerOptions {
  /** Pixels on every side, [above and below, left and right], or [[above, below], [left, right]]; 1 by default. */
  padding?: number | Sides | readonly [Sides, Sides];
  /** "channelsLast" by default. */
  dataFormat?: DataFormat;
}

/** Zeros around images [batch, height, width, channels]. */
export class ZeroPadding2D extends Layer {
  /** [[above, below], [left, right]] */
  readonly padding: readonly [Sides, Sides];
  readonly dataFormat: DataFormat;

  constructor(options: ZeroPadding2DOptions = {}) {
    super(options, ["padding", "dataFormat"]);
    this.padding = checkSides(this.name, "padding", options.padding ?? 1);
    this.dataFormat = checkDataFormat(this.name, options.dataFormat ?? "channelsLast");
    this.inputSpec = { rank: 4 };
  }

  call(x: Tensor): Tensor {
    return pad(x, this.widths());
  }

  override computeMask(): null {
    return null;
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    const widths = this.widths();
    return inputShape.map((size, axis) => (size === null ? null : size + widths[axis]![0] + widths[axis]![1]));
  }

  /** Of all four axes. */
  private widths(): Sides[] {
    const none: Sides = [0, 0];
    return this.dataFormat === "channelsFirst" ? [none, none, ...this.padding] : [none, ...this.padding, none];
  }
}

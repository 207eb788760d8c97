import { checkChoice, checkPair } from "../ops/arguments.js";
import { resize2d } from "../ops/resize2d.js";
import type { Tensor } from "../tensor.js";
import type { BatchShape } from "./batchShape.js";
import { Layer, type LayerOptions } from "./layer.js";
import { checkDataFormat, type DataFormat } from "./window.js";

const INTERPOLATIONS = ["nearest", "bilinear"] as const;

export interface UpSampling2DOptions extends LayerOptions {
  /** How many times as many rows and columns, or one number for both; 2 by default. */
  size?: number | [number, number];
  /** "nearest" (the default) repeats pixels, "bilinear" lies between them. */
  interpolation?: (typeof INTERPOLATIONS)[number];
  /** "channelsLast" by default. */
  dataFormat?: DataFormat;
}

/** Images [batch, height, width, channels], a whole number of times as large. */
export class UpSampling2D extends Layer {
  readonly size: readonly [number, number];
  readonly interpolation: (typeof INTERPOLATIONS)[number];
  readonly dataFormat: DataFormat;

  constructor(options: UpSampling2DOptions = {}) {
    super(options, ["size", "interpolation", "dataFormat"]);
    this.size = checkPair(this.name, "size", options.size ?? 2);
    this.interpolation = checkChoice(this.name, "interpolation", options.interpolation ?? "nearest", INTERPOLATIONS);
    this.dataFormat = checkDataFormat(this.name, options.dataFormat ?? "channelsLast");
    this.inputSpec = { rank: 4 };
  }

  call(x: Tensor): Tensor {
    const { dataFormat, interpolation: method } = this;
    const [height, width] = this.computeOutputShape(x.shape).slice(this.first(), this.first() + 2) as [number, number];
    return resize2d(x, [height, width], { method, dataFormat });
  }

  override computeMask(): null {
    return null;
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    return inputShape.map((length, axis) => (length === null ? null : length * (this.size[axis - this.first()] ?? 1)));
  }

  /** The axis of the height. */
  private first(): number {
    return this.dataFormat === "channelsFirst" ? 2 : 1;
  }
}

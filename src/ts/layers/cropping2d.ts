import { ShapeError } from "../errors.js";
import { slice } from "../ops/slice.js";
import type { Tensor } from "../tensor.js";
import { formatBatchShape, type BatchShape } from "./batchShape.js";
import { Layer, type LayerOptions } from "./layer.js";
import {
  channelAxis,
  checkDataFormat,
  checkSides,
  placesOf,
  withPlaces,
  type DataFormat,
  type Sides,
} from "./window.js";

export interface Cropping2DOptions extends LayerOptions {
  /** Pixels on every side, [above and below, left and right], or [[above, below], [left, right]]; 0 by default. */
  cropping?: number | Sides | readonly [Sides, Sides];
  /** "channelsLast" by default. */
  dataFormat?: DataFormat;
}

/** Images [batch, height, width, channels] without their edges. Nothing is copied. */
export class Cropping2D extends Layer {
  /** [[above, below], [left, right]] */
  readonly cropping: readonly [Sides, Sides];
  readonly dataFormat: DataFormat;
  protected override readonly castsInput = false;

  constructor(options: Cropping2DOptions = {}) {
    super(options, ["cropping", "dataFormat"]);
    this.cropping = checkSides(this.name, "cropping", options.cropping ?? 0);
    this.dataFormat = checkDataFormat(this.name, options.dataFormat ?? "channelsLast");
    this.inputSpec = { rank: 4 };
  }

  call(x: Tensor): Tensor {
    const sides = placesOf(this.computeOutputShape(x.shape), this.dataFormat) as number[];
    const ranges = sides.map((size, i) => [this.cropping[i]![0], this.cropping[i]![0] + size] as const);
    return slice(x, this.dataFormat === "channelsFirst" ? [null, null, ...ranges] : [null, ...ranges]);
  }

  override computeMask(): null {
    return null;
  }

  /** @throws ShapeError when nothing would be left of the images. */
  override computeOutputShape(inputShape: BatchShape): BatchShape {
    const { dataFormat, cropping } = this;
    const sides = placesOf(inputShape, dataFormat).map((size, i) =>
      size === null ? null : size - cropping[i]![0] - cropping[i]![1],
    );
    if (sides.some((size) => size !== null && size <= 0)) {
      throw new ShapeError(
        `${this.name}: nothing is left of the images: their shape is ${formatBatchShape(inputShape)}, cropping ${JSON.stringify(cropping)}`,
      );
    }
    return withPlaces(inputShape, inputShape.at(channelAxis(dataFormat))!, dataFormat, sides);
  }
}

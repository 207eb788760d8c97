import { checkRange } from "../checks.js";
import { tidy } from "../memory.js";
import { mul } from "../ops/binary.js";
import { ones } from "../ops/creation.js";
import { dropout } from "../ops/dropout.js";
import type { Tensor } from "../tensor.js";
import type { BatchShape } from "./batchShape.js";
import { Layer, type CallOptions, type LayerOptions } from "./layer.js";
import { channelAxis, checkDataFormat, withPlaces, type DataFormat } from "./window.js";

export interface SpatialDropout2DOptions extends LayerOptions {
  /** The part of the channels that becomes 0 in training, from 0 to below 1. The others grow so that the mean stays. */
  rate: number;
  /** "channelsLast" by default. */
  dataFormat?: DataFormat;
}

/**
 * Sets random channels of images [batch, height, width, channels] to zero while training (Tompson et al., "Efficient
 * Object Localization Using Convolutional Networks", 2015); otherwise passes its input on.
 */
export class SpatialDropout2D extends Layer {
  readonly rate: number;
  readonly dataFormat: DataFormat;

  constructor(options: SpatialDropout2DOptions) {
    super(options, ["rate", "dataFormat"]);
    this.rate = checkRange(this.name, "rate", options.rate, 0, 1);
    this.dataFormat = checkDataFormat(this.name, options.dataFormat ?? "channelsLast");
    this.inputSpec = { rank: 4 };
  }

  call(x: Tensor, { training }: CallOptions): Tensor {
    if (!training || this.rate === 0) return x;
    const { dataFormat, dtype, rate } = this;
    const shape = withPlaces(x.shape, x.shape.at(channelAxis(dataFormat))!, dataFormat, [1, 1]) as number[];
    return tidy(() => mul(x, dropout(ones(shape, { dtype, device: x.device }), rate)) as Tensor);
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    return inputShape;
  }
}

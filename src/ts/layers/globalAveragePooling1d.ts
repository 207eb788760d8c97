import { ArgumentError } from "../errors.js";
import { tidy } from "../memory.js";
import { div, maximum } from "../ops/binary.js";
import { cast } from "../ops/cast.js";
import { mean, sum } from "../ops/reduce.js";
import { expandDims } from "../ops/reshape.js";
import { where } from "../ops/where.js";
import type { Tensor } from "../tensor.js";
import { GlobalPooling, type GlobalPoolingOptions } from "./globalPooling.js";
import type { CallOptions } from "./layer.js";

export type GlobalAveragePooling1DOptions = GlobalPoolingOptions;

/**
 * The mean over time: [batch, steps, channels] to [batch, channels]. Steps that do not count are left out; where none
 * does, the mean is 0.
 *
 * @throws ArgumentError for a mask where the channels lie along the axis of time.
 */
export class GlobalAveragePooling1D extends GlobalPooling {
  constructor(options: GlobalAveragePooling1DOptions = {}) {
    super(options, 1);
  }

  call(x: Tensor, { mask }: CallOptions): Tensor {
    const options = { axis: this.axes, keepDims: this.keepDims };
    if (mask === null) return mean(x, options) as Tensor;
    if (this.dataFormat === "channelsFirst") {
      throw new ArgumentError(
        `${this.name}: a mask of time with the channels along axis 1: expected dataFormat "channelsLast"`,
      );
    }
    return tidy(() => {
      const counts = expandDims(mask, 2);
      const count = sum(cast(counts, this.dtype), options);
      return div(sum(where(counts, x, 0), options), maximum(count, 1)) as Tensor;
    });
  }
}

import { avgPool2d } from "../ops/avgPool2d.js";
import type { Pool2dOptions } from "../ops/pool.js";
import type { Tensor } from "../tensor.js";
import { Pooling1D, type Pooling1DOptions } from "./pooling1d.js";

export type AveragePooling1DOptions = Pooling1DOptions;

/** The mean of each window of sequences [batch, steps, channels]; padding does not count. */
export class AveragePooling1D extends Pooling1D {
  protected override pool(images: Tensor, options: Pool2dOptions): Tensor {
    return avgPool2d(images, options);
  }
}

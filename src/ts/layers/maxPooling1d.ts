import { maxPool2d } from "../ops/maxPool2d.js";
import type { Pool2dOptions } from "../ops/pool.js";
import type { Tensor } from "../tensor.js";
import { Pooling1D, type Pooling1DOptions } from "./pooling1d.js";

export type MaxPooling1DOptions = Pooling1DOptions;

/** The largest element of each window of sequences [batch, steps, channels]. */
export class MaxPooling1D extends Pooling1D {
  protected override pool(images: Tensor, options: Pool2dOptions): Tensor {
    return maxPool2d(images, options);
  }
}

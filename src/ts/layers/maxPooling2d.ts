import { maxPool2d } from "../ops/maxPool2d.js";
import type { Tensor } from "../tensor.js";
import { Pooling2D, type Pooling2DOptions } from "./pooling2d.js";

export type MaxPooling2DOptions = Pooling2DOptions;

/** The largest element of each window of images [batch, height, width, channels]. */
export class MaxPooling2D extends Pooling2D {
  call(x: Tensor): Tensor {
    const { poolSize, strides, padding, dataFormat } = this;
    return maxPool2d(x, { poolSize, strides, padding, dataFormat });
  }
}

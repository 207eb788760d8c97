import { avgPool2d } from "../ops/avgPool2d.js";
import type { Tensor } from "../tensor.js";
import { Pooling2D, type Pooling2DOptions } from "./pooling2d.js";

export type AveragePooling2DOptions = Pooling2DOptions;

/** The mean of each window of images [batch, height, width, channels]; padding does not count. */
export class AveragePooling2D extends Pooling2D {
  call(x: Tensor): Tensor {
    const { poolSize, strides, padding, dataFormat } = this;
    return avgPool2d(x, { poolSize, strides, padding, dataFormat });
  }
}

import { globalAvgPool2d } from "../ops/globalAvgPool2d.js";
import type { Tensor } from "../tensor.js";
import { GlobalPooling2D, type GlobalPooling2DOptions } from "./globalPooling2d.js";

export type GlobalAveragePooling2DOptions = GlobalPooling2DOptions;

/** The mean over height and width: [batch, height, width, channels] to [batch, channels]. */
export class GlobalAveragePooling2D extends GlobalPooling2D {
  call(x: Tensor): Tensor {
    return globalAvgPool2d(x, { keepDims: this.keepDims, dataFormat: this.dataFormat });
  }
}

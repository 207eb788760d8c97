import { globalAvgPool2d } from "../ops/globalAvgPool2d.js";
import type { Tensor } from "../tensor.js";
import { GlobalPooling, type GlobalPoolingOptions } from "./globalPooling.js";

export type GlobalAveragePooling2DOptions = GlobalPoolingOptions;

/** The mean over height and width: [batch, height, width, channels] to [batch, channels]. */
export class GlobalAveragePooling2D extends GlobalPooling {
  constructor(options: GlobalAveragePooling2DOptions = {}) {
    super(options, 2);
  }

  call(x: Tensor): Tensor {
    return globalAvgPool2d(x, { keepDims: this.keepDims, dataFormat: this.dataFormat });
  }
}

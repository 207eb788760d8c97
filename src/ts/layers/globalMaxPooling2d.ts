import { max } from "../ops/reduce.js";
import type { Tensor } from "../tensor.js";
import { GlobalPooling, type GlobalPoolingOptions } from "./globalPooling.js";

export type GlobalMaxPooling2DOptions = GlobalPoolingOptions;

/** The largest pixel of each channel: [batch, height, width, channels] to [batch, channels]. */
export class GlobalMaxPooling2D extends GlobalPooling {
  constructor(options: GlobalMaxPooling2DOptions = {}) {
    super(options, 2);
  }

  call(x: Tensor): Tensor {
    return max(x, { axis: this.axes, keepDims: this.keepDims }) as Tensor;
  }
}

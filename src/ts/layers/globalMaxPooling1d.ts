import { max } from "../ops/reduce.js";
import type { Tensor } from "../tensor.js";
import { GlobalPooling, type GlobalPoolingOptions } from "./globalPooling.js";

export type GlobalMaxPooling1DOptions = GlobalPoolingOptions;

/** The largest step of each channel: [batch, steps, channels] to [batch, channels]. Looks at no mask, as in Keras. */
export class GlobalMaxPooling1D extends GlobalPooling {
  constructor(options: GlobalMaxPooling1DOptions = {}) {
    super(options, 1);
  }

  call(x: Tensor): Tensor {
    return max(x, { axis: this.axes, keepDims: this.keepDims }) as Tensor;
  }
}

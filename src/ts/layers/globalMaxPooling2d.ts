import { max } from "../ops/reduce.js";
import type { Tensor } from "../tensor.js";
import { GlobalPooling2D, type GlobalPooling2DOptions } from "./globalPooling2d.js";

export type GlobalMaxPooling2DOptions = GlobalPooling2DOptions;

/** The largest pixel of each channel: [batch, height, width, channels] to [batch, channels]. */
export class GlobalMaxPooling2D extends GlobalPooling2D {
  call(x: Tensor): Tensor {
    const axis = this.dataFormat === "channelsFirst" ? [2, 3] : [1, 2];
    return max(x, { axis, keepDims: this.keepDims }) as Tensor;
  }
}

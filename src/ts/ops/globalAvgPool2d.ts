import type { DType } from "../dtype.js";
import { addMethod, type Tensor } from "../tensor.js";
import { checkChoice } from "./arguments.js";
import { checkBoolean, checkOptions } from "../checks.js";
import { checkImages } from "./pool.js";
import { mean } from "./reduce.js";
import { DATA_FORMATS, type DataFormat } from "./window.js";

export interface GlobalAvgPool2dOptions {
  /** Whether height and width stay, with size 1. False by default. */
  keepDims?: boolean;
  /** "channelsLast" (NHWC, the default) or "channelsFirst" (NCHW). */
  dataFormat?: DataFormat;
}

/**
 * The mean over height and width of images [N, H, W, C], giving [N, C], or [N, 1, 1, C] with `keepDims`; NaN for images
 * without pixels. float32 and float64.
 *
 * @throws ShapeError unless x has 4 dimensions. @throws ArgumentError for an unknown option or value.
 * @throws DTypeError for integer tensors.
 */
export function globalAvgPool2d<D extends DType>(x: Tensor<D>, options: GlobalAvgPool2dOptions = {}): Tensor<D> {
  checkOptions("globalAvgPool2d", options, ["keepDims", "dataFormat"]);
  checkImages("globalAvgPool2d", x);
  const keepDims = checkBoolean("globalAvgPool2d", "keepDims", options.keepDims ?? false);
  const dataFormat = checkChoice("globalAvgPool2d", "dataFormat", options.dataFormat ?? "channelsLast", DATA_FORMATS);
  return mean(x, { axis: dataFormat === "channelsFirst" ? [2, 3] : [1, 2], keepDims }) as Tensor as Tensor<D>;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link globalAvgPool2d}. */
    globalAvgPool2d(options?: GlobalAvgPool2dOptions): Tensor<D>;
  }
}
addMethod("globalAvgPool2d", globalAvgPool2d);

import type { DType, Promote } from "../dtype.js";
import { addMethod, type Tensor } from "../tensor.js";
import { ACTIVATIONS } from "./activation-grad.js";
import { checkChoice, checkInteger } from "./arguments.js";
import { checkOptions } from "../checks.js";
import { convolve, type Conv2dOptions } from "./conv2d.js";
import { checkBias, checkChannels, checkOperands } from "./convolution.js";
import { expandDims, squeeze } from "./reshape.js";
import { DATA_FORMATS, makeRowWindow, rowPadding, withChannelsLast, type DataFormat } from "./window.js";

export interface Conv1dOptions extends Pick<Conv2dOptions, "bias" | "groups" | "activation"> {
  /** Steps from one place of the kernel to the next. 1 by default. */
  strides?: number;
  /**
   * "valid" (none, the default), "same" (the result has ceil(length / stride) steps), "causal" (zeros before the
   * sequence, so that no result sees a later step), or zeros: one number for both ends, or [before, after].
   */
  padding?: "valid" | "same" | "causal" | number | readonly [number, number];
  /** Steps from one element of the kernel to the next. 1 by default. */
  dilationRate?: number;
  /** "channelsLast" (NLC, the default) or "channelsFirst" (NCL), for the input and the result. */
  dataFormat?: DataFormat;
}

const OPTIONS = ["bias", "strides", "padding", "dilationRate", "groups", "dataFormat", "activation"];

/**
 * The convolution (cross-correlation, as in Keras) of sequences x [N, length, C] with a kernel
 * [size, C / groups, filters], giving [N, length', filters]. float32 and float64.
 *
 * @throws ShapeError when the ranks, channels or bias do not fit, or the kernel is longer than the padded sequence.
 * @throws ArgumentError for an option that is out of range. @throws DTypeError for integer tensors.
 */
export function conv1d<A extends DType, B extends DType>(
  x: Tensor<A>,
  kernel: Tensor<B>,
  options: Conv1dOptions = {},
): Tensor<Promote<A, B>> {
  checkOptions("conv1d", options, OPTIONS);
  const { bias } = options;
  checkOperands("conv1d", 3, x, kernel, bias);
  const stride = checkInteger("conv1d", "strides", options.strides ?? 1, 1);
  const dilation = checkInteger("conv1d", "dilationRate", options.dilationRate ?? 1, 1);
  const groups = checkInteger("conv1d", "groups", options.groups ?? 1, 1);
  const dataFormat = checkChoice("conv1d", "dataFormat", options.dataFormat ?? "channelsLast", DATA_FORMATS);
  const activation = checkChoice("conv1d", "activation", options.activation ?? "none", ACTIVATIONS);
  checkChannels("conv1d", x, kernel, groups, dataFormat);
  const [size, , filters] = kernel.shape as readonly [number, number, number];
  checkBias("conv1d", bias, filters);
  const padding = rowPadding("conv1d", options.padding ?? "valid", (size - 1) * dilation);
  return withChannelsLast(x, dataFormat, (sequences) => {
    const window = makeRowWindow("conv1d", sequences.shape[1]!, { size, stride, dilation, padding });
    const images = expandDims(sequences, 1);
    const kernels = expandDims(kernel, 0);
    const rows = convolve("conv1d", images, kernels, bias, { window, groups, activation });
    const result = squeeze(rows, 1);
    for (const view of [images, kernels, rows]) view.dispose();
    return result;
  }) as Tensor<Promote<A, B>>;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link conv1d}. */
    conv1d<B extends DType>(kernel: Tensor<B>, options?: Conv1dOptions): Tensor<Promote<D, B>>;
  }
}
addMethod("conv1d", conv1d);

import { ShapeError } from "../errors.js";
import type { DType, Promote } from "../dtype.js";
import { formatShape } from "../shape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { ACTIVATIONS } from "./activation-grad.js";
import { checkChoice, checkPair } from "./arguments.js";
import { checkOptions } from "../checks.js";
import { convolve, type Conv2dOptions } from "./conv2d.js";
import { channelsOf, checkBias, checkOperands } from "./convolution.js";
import { reshape } from "./reshape.js";
import { DATA_FORMATS, checkPadding, makeWindow, withChannelsLast } from "./window.js";

export type DepthwiseConv2dOptions = Omit<Conv2dOptions, "groups">;

const OPTIONS = ["bias", "strides", "padding", "dilationRate", "dataFormat", "activation"];

/**
 * Convolves each channel of images x [N, H, W, C] by itself, with a kernel [height, width, C, multiplier] as of Keras'
 * DepthwiseConv2D: channel c * multiplier + m of the result [N, H', W', C * multiplier] is channel c convolved with
 * kernel[:, :, c, m]. float32 and float64.
 *
 * @throws ShapeError when the ranks, channels or bias do not fit, or the kernel is larger than the padded image.
 * @throws ArgumentError for an option that is out of range. @throws DTypeError for integer tensors.
 */
export function depthwiseConv2d<A extends DType, B extends DType>(
  x: Tensor<A>,
  kernel: Tensor<B>,
  options: DepthwiseConv2dOptions = {},
): Tensor<Promote<A, B>> {
  const op = "depthwiseConv2d";
  checkOptions(op, options, OPTIONS);
  const { bias } = options;
  checkOperands(op, 4, x, kernel, bias);
  const strides = checkPair(op, "strides", options.strides ?? 1);
  const dilation = checkPair(op, "dilationRate", options.dilationRate ?? 1);
  const padding = checkPadding(op, options.padding ?? "valid");
  const dataFormat = checkChoice(op, "dataFormat", options.dataFormat ?? "channelsLast", DATA_FORMATS);
  const activation = checkChoice(op, "activation", options.activation ?? "none", ACTIVATIONS);
  const [height, width, channels, multiplier] = kernel.shape as readonly [number, number, number, number];
  if (channelsOf(x, dataFormat) !== channels) {
    throw new ShapeError(
      `${op}: the channels do not fit: x is ${formatShape(x.shape)} (${dataFormat}), the kernel is ${formatShape(kernel.shape)}`,
    );
  }
  checkBias(op, bias, channels * multiplier);
  return withChannelsLast(x, dataFormat, (images) => {
    const window = makeWindow(op, images.shape.slice(1, 3), { size: [height, width], strides, dilation, padding });
    // A group for each channel.
    const grouped = reshape(kernel, [height, width, 1, channels * multiplier]);
    try {
      return convolve(op, images, grouped, bias, { window, groups: channels, activation });
    } finally {
      grouped.dispose();
    }
  }) as Tensor<Promote<A, B>>;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link depthwiseConv2d}. */
    depthwiseConv2d<B extends DType>(kernel: Tensor<B>, options?: DepthwiseConv2dOptions): Tensor<Promote<D, B>>;
  }
}
addMethod("depthwiseConv2d", depthwiseConv2d);

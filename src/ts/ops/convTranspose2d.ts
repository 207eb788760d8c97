import { ArgumentError, ShapeError, describe } from "../errors.js";
import type { DType, Promote } from "../dtype.js";
import { defineOp } from "../op.js";
import { checkShape, formatShape } from "../shape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { checkChoice, checkPair } from "./arguments.js";
import { checkOptions } from "../checks.js";
import { add } from "./binary.js";
import { convTransposeDefinition, type Conv2dOptions } from "./conv2d.js";
import { channelsOf, checkBias, checkOperands, inCommonDType } from "./convolution.js";
import { DATA_FORMATS, checkPadding, makeTransposeWindow, withChannelsLast, type Padding } from "./window.js";

export interface ConvTranspose2dOptions extends Pick<Conv2dOptions, "bias" | "dataFormat"> {
  /** Pixels of the result from one pixel of the input to the next; [height, width] or one number for both. 1 by default. */
  strides?: number | readonly [number, number];
  /**
   * What is cut off the (n - 1) stride + span pixels that the kernel reaches; span is (size - 1) dilation + 1. "valid"
   * (nothing, the default), "same" (the result has n stride pixels), or pixels per side, as in PyTorch.
   */
  padding?: Padding;
  /**
   * Rows and columns that the result has more, at the bottom and right; less than the stride. By default 0, for
   * "valid" what is missing to (n - 1) stride + max(span, stride). With "same" the result has
   * (n - 1) stride + span % 2 + outputPadding pixels, as in Keras.
   */
  outputPadding?: number | readonly [number, number];
  /** Pixels from one element of the kernel to the next. 1 by default. */
  dilationRate?: number | readonly [number, number];
}

const OPTIONS = ["bias", "strides", "padding", "outputPadding", "dilationRate", "dataFormat"];

// x [N, H, W, C], w [KH, KW, O, C] -> y [N, OH, OW, O]
const transposeOp = defineOp({ ...convTransposeDefinition, name: "convTranspose2d" });

/**
 * The transposed 2-D convolution ("deconvolution") of images x [N, H, W, C] with a kernel [height, width, filters, C] as
 * of Keras' Conv2DTranspose, giving [N, H', W', filters]: each pixel adds its multiple of the kernel to the result. It
 * is the gradient of {@link conv2d} by its images. float32 and float64.
 *
 * @throws ShapeError when the ranks, channels or bias do not fit, or the result would have no pixels.
 * @throws ArgumentError for an option that is out of range. @throws DTypeError for integer tensors.
 */
export function convTranspose2d<A extends DType, B extends DType>(
  x: Tensor<A>,
  kernel: Tensor<B>,
  options: ConvTranspose2dOptions = {},
): Tensor<Promote<A, B>> {
  const op = "convTranspose2d";
  checkOptions(op, options, OPTIONS);
  const { bias } = options;
  checkOperands(op, 4, x, kernel, bias);
  const strides = checkPair(op, "strides", options.strides ?? 1);
  const dilation = checkPair(op, "dilationRate", options.dilationRate ?? 1);
  const padding = checkPadding(op, options.padding ?? "valid");
  const outputPadding = checkOutputPadding(op, options.outputPadding, strides);
  const dataFormat = checkChoice(op, "dataFormat", options.dataFormat ?? "channelsLast", DATA_FORMATS);
  const [height, width, filters, channels] = kernel.shape as readonly [number, number, number, number];
  if (channelsOf(x, dataFormat) !== channels) {
    throw new ShapeError(
      `${op}: the channels do not fit: x is ${formatShape(x.shape)} (${dataFormat}), the kernel is ${formatShape(kernel.shape)}`,
    );
  }
  checkBias(op, bias, filters);
  return withChannelsLast(x, dataFormat, (images) => {
    const { window, places } = makeTransposeWindow(op, images.shape.slice(1, 3), {
      size: [height, width],
      strides,
      dilation,
      padding,
      outputPadding,
    });
    const inputShape = checkShape(op, [images.shape[0]!, ...places, filters]);
    return inCommonDType(bias ? [images, kernel, bias] : [images, kernel], ([pixels, weights, offset]) => {
      const result = transposeOp([pixels!, weights!], { window, groups: 1, inputShape })[0]!;
      if (!offset) return result;
      const shifted = add(result, offset);
      result.dispose();
      return shifted;
    });
  }) as Tensor<Promote<A, B>>;
}

/** @internal [height, width], each below the stride; null where none is given. @throws ArgumentError */
export function checkOutputPadding(op: string, value: unknown, strides: readonly number[]): [number, number] | null {
  if (value === undefined) return null;
  const pair: unknown[] = Array.isArray(value) ? value : [value, value];
  if (
    pair.length === 2 &&
    pair.every((n, i) => Number.isInteger(n) && (n as number) >= 0 && (n as number) < strides[i]!)
  ) {
    return pair as [number, number];
  }
  throw new ArgumentError(
    `${op}: outputPadding is out of range: ${describe(value)}, expected integers of 0 or more below the strides ${formatShape(strides)}`,
  );
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link convTranspose2d}. */
    convTranspose2d<B extends DType>(kernel: Tensor<B>, options?: ConvTranspose2dOptions): Tensor<Promote<D, B>>;
  }
}
addMethod("convTranspose2d", convTranspose2d);

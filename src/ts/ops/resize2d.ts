import { ArgumentError, ShapeError, describe } from "../errors.js";
import { isFloating, type DType, type FloatOf } from "../dtype.js";
import { checkTensor, defineOp, type Op } from "../op.js";
import { checkShape, formatShape, type Shape } from "../shape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { checkChoice } from "./arguments.js";
import { cast } from "./cast.js";
import { checkBoolean, checkOptions } from "../checks.js";
import { DATA_FORMATS, withChannelsLast, type DataFormat } from "./window.js";

/** In the order of native/cpu/kernels/resize2d.cc. */
const METHODS = ["nearest", "bilinear"] as const;

export interface Resize2dOptions {
  /** "bilinear" (the default) or "nearest". */
  method?: (typeof METHODS)[number];
  /**
   * Where "bilinear" puts the pixels: with false (the default) the images' edges coincide and pixels are squares around
   * their centres; with true the centres of the corner pixels coincide.
   */
  alignCorners?: boolean;
  /** "channelsLast" (NHWC, the default) or "channelsFirst" (NCHW), for the input and the result. */
  dataFormat?: DataFormat;
}

const OPTIONS = ["method", "alignCorners", "dataFormat"];

interface ResizeAttributes {
  readonly method: (typeof METHODS)[number];
  readonly alignCorners: boolean;
  readonly inputShape: Shape;
  readonly outputShape: Shape;
}

const encode = ({ method, alignCorners }: ResizeAttributes): number[] => [METHODS.indexOf(method), +alignCorners];

// x [N, H, W, C] -> y [N, OH, OW, C]
const resizeOp: Op<ResizeAttributes> = defineOp({
  name: "resize2d",
  infer: ([x], { outputShape }) => [{ shape: outputShape, dtype: x!.dtype }],
  encode,
  contiguous: true,
  backward: ({ grads, attrs }) => gradOp([grads[0]!], attrs),
});

// dy -> dx: the transposed map, whose gradient is the resizing again.
const gradOp: Op<ResizeAttributes> = defineOp({
  name: "resize2dGrad",
  infer: ([dy], { inputShape }) => [{ shape: inputShape, dtype: dy!.dtype }],
  encode,
  contiguous: true,
  backward: ({ grads, attrs }) => resizeOp([grads[0]!], attrs),
});

/**
 * Images [N, H, W, C] in another size, [N, height, width, C], without antialiasing, as Keras' `image.resize`. A pixel
 * i of the result lies at (i + 0.5) * H / height - 0.5 of the image: "nearest" takes the pixel there (of two at the same
 * distance the later one, PyTorch's "nearest-exact"), "bilinear" weighs the four around it, where the image ends those
 * of its edge. A pixel of weight 0 does not count, even if it is NaN.
 *
 * "nearest" takes any dtype and keeps it; "bilinear" gives float32 for integers.
 *
 * @throws ShapeError when x does not have 4 dimensions or has no pixels. @throws ArgumentError for a size that is not two
 * positive integers, or an option that is out of range.
 */
export function resize2d<D extends DType>(
  x: Tensor<D>,
  size: readonly [number, number],
  options: Resize2dOptions & { method: "nearest" },
): Tensor<D>;
export function resize2d<D extends DType>(
  x: Tensor<D>,
  size: readonly [number, number],
  options?: Resize2dOptions & { method?: "bilinear" },
): Tensor<FloatOf<D>>;
export function resize2d<D extends DType>(
  x: Tensor<D>,
  size: readonly [number, number],
  options?: Resize2dOptions,
): Tensor<D | FloatOf<D>>;
export function resize2d(x: Tensor, size: readonly [number, number], options: Resize2dOptions = {}): unknown {
  checkTensor("resize2d", x);
  checkOptions("resize2d", options, OPTIONS);
  const method = checkChoice("resize2d", "method", options.method ?? "bilinear", METHODS);
  const alignCorners = checkBoolean("resize2d", "alignCorners", options.alignCorners ?? false);
  const dataFormat = checkChoice("resize2d", "dataFormat", options.dataFormat ?? "channelsLast", DATA_FORMATS);
  if (alignCorners && method === "nearest") {
    throw new ArgumentError('resize2d: alignCorners is true: the method is "nearest", expected "bilinear"');
  }
  if (!Array.isArray(size) || size.length !== 2 || !size.every((n) => Number.isSafeInteger(n) && n >= 1)) {
    throw new ArgumentError(
      `resize2d: the size is out of range: ${describe(size)}, expected two positive integers: [height, width]`,
    );
  }
  if (x.rank !== 4) {
    throw new ShapeError(`resize2d: x does not have 4 dimensions: its shape is ${formatShape(x.shape)}`);
  }
  return withChannelsLast(x, dataFormat, (images) => {
    const [count, height, width, channels] = images.shape as [number, number, number, number];
    if (height === 0 || width === 0) {
      throw new ShapeError(`resize2d: the image has no pixels: its shape is ${formatShape(x.shape)} (${dataFormat})`);
    }
    const outputShape = checkShape("resize2d", [count, size[0]!, size[1]!, channels]);
    const given = method === "nearest" || isFloating(images.dtype) ? images : cast(images, "float32");
    const result = resizeOp([given], { method, alignCorners, inputShape: images.shape, outputShape })[0]!;
    if (given !== images) given.dispose();
    return result;
  });
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link resize2d}. */
    resize2d(size: readonly [number, number], options: Resize2dOptions & { method: "nearest" }): Tensor<D>;
    resize2d(size: readonly [number, number], options?: Resize2dOptions & { method?: "bilinear" }): Tensor<FloatOf<D>>;
    resize2d(size: readonly [number, number], options?: Resize2dOptions): Tensor<D | FloatOf<D>>;
  }
}
addMethod("resize2d", resize2d);

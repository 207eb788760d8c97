// What the poolings have in common: options, checks and the layout of the result.
import { ShapeError } from "../errors.js";
import { checkTensor } from "../op.js";
import { formatShape, type Shape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { checkChoice, checkFloating, checkPair } from "./arguments.js";
import { checkOptions } from "../checks.js";
import {
  DATA_FORMATS,
  checkPadding,
  makeWindow,
  windowPlaces,
  withChannelsLast,
  type DataFormat,
  type Padding,
  type Window,
} from "./window.js";

export interface Pool2dOptions {
  /** [height, width] of the window, or one number for both. 2 by default. */
  poolSize?: number | readonly [number, number];
  /** Pixels from one window to the next; by default the window's size. */
  strides?: number | readonly [number, number];
  /** "valid" (none, the default), "same" (the result has ceil(size / stride) pixels), or pixels per side. */
  padding?: Padding;
  /** "channelsLast" (NHWC, the default) or "channelsFirst" (NCHW), for the input and the result. */
  dataFormat?: DataFormat;
}

/** The options but for the data format. */
const WINDOW_OPTIONS = ["poolSize", "strides", "padding"];

/** @throws ArgumentError, ShapeError, DTypeError unless x is images of floats. */
export function checkImages(op: string, x: Tensor): void {
  checkTensor(op, x);
  if (x.rank !== 4) {
    throw new ShapeError(`${op}: x does not have 4 dimensions: its shape is ${formatShape(x.shape)}`);
  }
  checkFloating(op, "x", x);
}

/** The window of a pooling, wherever it slides. */
export interface PoolWindow {
  readonly size: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly padding: Padding;
}

/** @internal Checks the options of a pooling. @throws ArgumentError */
export function checkPool(op: string, options: Pool2dOptions, names: readonly string[] = WINDOW_OPTIONS): PoolWindow {
  checkOptions(op, options, names);
  const size = checkPair(op, "poolSize", options.poolSize ?? 2);
  const strides = checkPair(op, "strides", options.strides ?? size);
  return { size, strides, padding: checkPadding(op, options.padding ?? "valid") };
}

/**
 * @internal A pooling's window on images [N, H, W, C], and the shape of its result.
 *
 * @throws ShapeError when the window does not fit into the image, or lies in the padding alone.
 */
export function placePool(op: string, pool: PoolWindow, images: Shape): { window: Window; outputShape: Shape } {
  const [count, height, width, channels] = images as [number, number, number, number];
  const window = makeWindow(op, [height, width], { ...pool, dilation: [1, 1] });
  if (window.pads.some((pads, axis) => pads.some((pad) => pad >= pool.size[axis]!))) {
    throw new ShapeError(
      `${op}: a window lies in the padding alone: the window is ${formatShape(pool.size)}, the padding ${JSON.stringify(window.pads)}`,
    );
  }
  return { window, outputShape: [count, ...windowPlaces(op, [height, width], window), channels] };
}

/** @internal Checks the arguments of a pooling and calls `pool` with images [N, H, W, C]. */
export function pool2d(
  op: string,
  x: Tensor,
  options: Pool2dOptions,
  pool: (images: Tensor, window: Window, outputShape: Shape) => Tensor,
): Tensor {
  const checked = checkPool(op, options, [...WINDOW_OPTIONS, "dataFormat"]);
  checkImages(op, x);
  const dataFormat = checkChoice(op, "dataFormat", options.dataFormat ?? "channelsLast", DATA_FORMATS);
  return withChannelsLast(x, dataFormat, (images) => {
    const { window, outputShape } = placePool(op, checked, images.shape);
    return pool(images, window, outputShape);
  });
}

import { ArgumentError, ShapeError, describe } from "../errors.js";
import { formatShape, type Shape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { permute } from "./transpose.js";

/** Where images and sequences have their channels: NHWC and NLC, or NCHW and NCL. */
export const DATA_FORMATS = ["channelsLast", "channelsFirst"] as const;
export type DataFormat = (typeof DATA_FORMATS)[number];

/** Rows and columns of zeros around an image: one number for all sides, or [[top, bottom], [left, right]]. */
export type Padding = "valid" | "same" | number | readonly [readonly [number, number], readonly [number, number]];

/** Zeros around a sequence: one number for both ends, or [before, after]. */
export type SequencePadding = "valid" | "same" | number | readonly [number, number];

/** What slides over an image: a convolution kernel or a pooling window. Pairs are [height, width]. */
export interface Window {
  readonly size: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilation: readonly [number, number];
  /** [[top, bottom], [left, right]] */
  readonly pads: readonly [readonly [number, number], readonly [number, number]];
}

/** The largest stride, padding, … that native/core/conv_geometry.h takes. */
const LARGEST = 1e6;

/**
 * Resolves the padding for an image of [height, width]. "same" gives ceil(size / stride) places and puts an odd
 * pixel at the bottom and right, as Keras does.
 */
export function makeWindow(
  op: string,
  image: Shape,
  options: Pick<Window, "size" | "strides" | "dilation"> & { padding: Padding },
): Window {
  const { size, strides, dilation, padding } = options;
  checkWindow(op, options);
  const pads = [0, 1].map((axis): readonly [number, number] => {
    if (padding !== "same") return sides(padding, axis);
    const places = Math.ceil(image[axis]! / strides[axis]!);
    const covered = (places - 1) * strides[axis]! + (size[axis]! - 1) * dilation[axis]! + 1;
    const total = Math.max(0, covered - image[axis]!);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  }) as unknown as Window["pads"];
  return { size, strides, dilation, pads };
}

/** Paddings are checked as they come in. @throws ArgumentError when the kernels cannot count the window's pixels. */
function checkWindow(op: string, { size, strides, dilation }: Pick<Window, "size" | "strides" | "dilation">): void {
  const reaches = { size, stride: strides, dilation, span: spans({ size, dilation }) };
  for (const [name, pair] of Object.entries(reaches)) {
    if (pair.some((n) => n > LARGEST)) {
      throw new ArgumentError(
        `${op}: the window's ${name} is out of range: ${formatShape(pair)}, expected at most ${LARGEST} pixels`,
      );
    }
  }
}

/** [before, after] along an axis. */
function sides(padding: Exclude<Padding, "same">, axis: number): readonly [number, number] {
  if (padding === "valid") return [0, 0];
  return typeof padding === "number" ? [padding, padding] : padding[axis]!;
}

/** Whether `value` is a number of pixels of zeros. */
export function isPad(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= LARGEST;
}

/** Whether `value` is [before, after]. */
export function isPadPair(value: unknown): value is readonly [number, number] {
  return Array.isArray(value) && value.length === 2 && value.every(isPad);
}

/** @throws ArgumentError unless `padding` is one. */
export function checkPadding(op: string, padding: unknown): Padding {
  if (padding === "valid" || padding === "same" || isPad(padding)) return padding as Padding;
  if (Array.isArray(padding) && padding.length === 2 && padding.every(isPadPair)) return padding as unknown as Padding;
  throw new ArgumentError(
    `${op}: unknown padding: ${describe(padding)}, expected "valid", "same", a number or [[top, bottom], [left, right]]`,
  );
}

/**
 * The padding of a sequence as that of an image of one row. `causal` is the number of zeros in front that "causal" stands
 * for, null where there is no such padding.
 *
 * @throws ArgumentError unless `padding` is one.
 */
export function rowPadding(op: string, padding: unknown, causal: number | null): Padding {
  if (padding === "valid" || padding === "same") return padding;
  const wrap = (before: number, after: number): Padding => [
    [0, 0],
    [before, after],
  ];
  if (padding === "causal" && causal !== null) return wrap(causal, 0);
  if (isPad(padding)) return wrap(padding, padding);
  if (isPadPair(padding)) return wrap(padding[0], padding[1]);
  throw new ArgumentError(
    `${op}: unknown padding: ${describe(padding)}, expected "valid", "same", ${causal === null ? "" : '"causal", '}a number or [before, after]`,
  );
}

/** What slides over a sequence. */
export interface RowWindow {
  readonly size: number;
  readonly stride: number;
  readonly dilation: number;
  /** That of an image of one row. */
  readonly padding: Padding;
}

/** The window on a sequence, which is an image of one row. @throws ShapeError when it is longer than the padded sequence. */
export function makeRowWindow(op: string, length: number, row: RowWindow): Window {
  const { size, stride, dilation, padding } = row;
  const window = makeWindow(op, [1, length], {
    size: [1, size],
    strides: [1, stride],
    dilation: [1, dilation],
    padding,
  });
  const [before, after] = window.pads[1];
  const span = (size - 1) * dilation + 1;
  if (before + length + after < span) {
    throw new ShapeError(
      `${op}: the window is longer than the sequence: a window of ${span} steps on a sequence of ${length}, padding [${before},${after}]`,
    );
  }
  return window;
}

/**
 * The [height, width] of the result.
 *
 * @throws ShapeError when the window is larger than the padded image.
 */
export function windowPlaces(op: string, image: Shape, window: Window): [number, number] {
  return [0, 1].map((axis) => {
    const [before, after] = window.pads[axis]!;
    const padded = image[axis]! + before + after;
    const span = (window.size[axis]! - 1) * window.dilation[axis]! + 1;
    if (padded < span) {
      throw new ShapeError(
        `${op}: the window is larger than the image: a window of ${formatShape(spans(window))} on an image of ${formatShape(image)}, padding ${describe(window.pads)}`,
      );
    }
    return Math.floor((padded - span) / window.strides[axis]!) + 1;
  }) as [number, number];
}

function spans({ size, dilation }: Pick<Window, "size" | "dilation">): number[] {
  return size.map((n, axis) => (n - 1) * dilation[axis]! + 1);
}

/**
 * The window of a transposed convolution over an image of [height, width], and the [height, width] of its result: the
 * image whose convolution with this window has the size of `image`. By default "valid" gives
 * (n - 1) stride + max(span, stride) pixels and "same" n stride, as Keras; padding in pixels takes them away from
 * (n - 1) stride + span, as PyTorch. Keras counts `outputPadding` of "same" from (n - 1) stride + span % 2.
 *
 * @throws ShapeError when nothing is left.
 */
export function makeTransposeWindow(
  op: string,
  image: Shape,
  options: Pick<Window, "size" | "strides" | "dilation"> & {
    padding: Padding;
    outputPadding: readonly [number, number] | null;
  },
): { window: Window; places: [number, number] } {
  const { size, strides, dilation, padding, outputPadding } = options;
  checkWindow(op, options);
  const axes = [0, 1].map((axis) => {
    const stride = strides[axis]!;
    const span = (size[axis]! - 1) * dilation[axis]! + 1;
    const between = (image[axis]! - 1) * stride;
    const more = outputPadding?.[axis];
    if (padding === "same") {
      const places = between + (more === undefined ? stride : (span % 2) + more);
      const total = Math.max(0, between + span - places);
      return { places, pads: [Math.floor(total / 2), Math.ceil(total / 2)] as const };
    }
    const [before, after] = sides(padding, axis);
    const extra = more ?? (padding === "valid" ? Math.max(span, stride) - span : 0);
    // Pixels behind the last window need no padding: the convolution does not reach them.
    return { places: between + span - before - after + extra, pads: [before, Math.max(0, after - extra)] as const };
  });
  const places = axes.map((axis) => axis.places) as [number, number];
  if (places.some((n) => n <= 0)) {
    throw new ShapeError(
      `${op}: nothing is left of the result: its size would be ${formatShape(places)}, the image is ${formatShape(image)}, the window ${formatShape(spans(options))}, padding ${describe(padding)}`,
    );
  }
  const pads = axes.map((axis) => axis.pads) as unknown as Window["pads"];
  return { window: { size, strides, dilation, pads }, places };
}

/** @internal `run` on images or sequences with the channels last; its result gets the layout of `x`. */
export function withChannelsLast(x: Tensor, dataFormat: DataFormat, run: (x: Tensor) => Tensor): Tensor {
  if (dataFormat === "channelsLast") return run(x);
  const [batch, channels, ...places] = x.shape.map((_, axis) => axis) as [number, number, ...number[]];
  const last = permute(x, [batch, ...places, channels]);
  try {
    const result = run(last);
    const first = permute(result, [batch, places.length + 1, ...places.map((axis) => axis - 1)]);
    result.dispose();
    return first;
  } finally {
    last.dispose();
  }
}

/** Attributes in the order of native/core/conv_geometry.h. */
export function encodeWindow({ size, strides, dilation, pads }: Window, groups: number): number[] {
  const [[top, bottom], [left, right]] = pads;
  return [...size, ...strides, ...dilation, top, left, bottom, right, groups];
}

import { ArgumentError, ShapeError, describe } from "../errors.js";
import { formatShape, type Shape } from "../shape.js";

/** Rows and columns of zeros around an image: one number for all sides, or [[top, bottom], [left, right]]. */
export type Padding = "valid" | "same" | number | readonly [readonly [number, number], readonly [number, number]];

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
  image: Shape,
  options: Pick<Window, "size" | "strides" | "dilation"> & { padding: Padding },
): Window {
  const { size, strides, dilation, padding } = options;
  const pads = [0, 1].map((axis): readonly [number, number] => {
    if (padding === "valid") return [0, 0];
    if (typeof padding === "number") return [padding, padding];
    if (padding !== "same") return padding[axis]!;
    const places = Math.ceil(image[axis]! / strides[axis]!);
    const covered = (places - 1) * strides[axis]! + (size[axis]! - 1) * dilation[axis]! + 1;
    const total = Math.max(0, covered - image[axis]!);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  }) as unknown as Window["pads"];
  return { size, strides, dilation, pads };
}

/** @throws ArgumentError unless `padding` is one. */
export function checkPadding(op: string, padding: unknown): Padding {
  const isPad = (value: unknown): boolean =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) <= LARGEST;
  const isPair = (value: unknown): boolean => Array.isArray(value) && value.length === 2 && value.every(isPad);
  if (padding === "valid" || padding === "same" || isPad(padding)) return padding as Padding;
  if (Array.isArray(padding) && padding.length === 2 && padding.every(isPair)) return padding as unknown as Padding;
  throw new ArgumentError(
    `${op}: unknown padding: ${describe(padding)}, expected "valid", "same", a number or [[top, bottom], [left, right]]`,
  );
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

function spans({ size, dilation }: Window): number[] {
  return size.map((n, axis) => (n - 1) * dilation[axis]! + 1);
}

/** Attributes in the order of native/core/conv_geometry.h. */
export function encodeWindow({ size, strides, dilation, pads }: Window, groups: number): number[] {
  const [[top, bottom], [left, right]] = pads;
  return [...size, ...strides, ...dilation, top, left, bottom, right, groups];
}

import { wrong } from "../checks.js";
import { checkChoice } from "../ops/arguments.js";
import {
  DATA_FORMATS,
  isPad,
  isPadPair,
  makeRowWindow,
  makeTransposeWindow,
  makeWindow,
  windowPlaces,
  type DataFormat,
  type Padding,
  type RowWindow,
} from "../ops/window.js";
import type { BatchShape } from "./batchShape.js";

export type { DataFormat };

export interface WindowOptions {
  readonly size: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly padding: Padding;
}

/** Pixels on two opposite sides of an image. */
export type Sides = readonly [before: number, after: number];

/** @throws ArgumentError unless `value` is a data format. */
export function checkDataFormat(op: string, value: unknown): DataFormat {
  return checkChoice(op, "dataFormat", value, DATA_FORMATS);
}

/** [[above, below], [left, right]] of what may be one number, or two. @throws ArgumentError */
export function checkSides(op: string, name: string, value: unknown): [Sides, Sides] {
  const [rows, columns] = Array.isArray(value) && value.length === 2 ? value : [value, value];
  const sides = [rows, columns].map((side) => (isPad(side) ? [side, side] : side));
  if (sides.every(isPadPair)) return sides as [Sides, Sides];
  throw wrong(op, name, value, "pixels: a number of 0 or more, [rows, columns] or [[above, below], [left, right]]");
}

/** The axis of the channels. */
export function channelAxis(format: DataFormat): 1 | -1 {
  return format === "channelsFirst" ? 1 : -1;
}

/** The sizes of an image, or the length of a sequence: the shape without batch and channels. */
export function placesOf(shape: BatchShape, format: DataFormat): BatchShape {
  return format === "channelsFirst" ? shape.slice(2) : shape.slice(1, -1);
}

/** The shape of as many images or sequences with other channels and sizes. */
export function withPlaces(
  [batch]: BatchShape,
  channels: number | null,
  format: DataFormat,
  places: BatchShape,
): BatchShape {
  return format === "channelsFirst" ? [batch!, channels, ...places] : [batch!, ...places, channels];
}

/**
 * The shape after a window slid over images; sizes that are not known stay so.
 *
 * @throws ShapeError when the window is larger than the image.
 */
export function windowedShape(
  op: string,
  inputShape: BatchShape,
  channels: number | null,
  format: DataFormat,
  options: WindowOptions,
): BatchShape {
  const sides = placesOf(inputShape, format);
  // In place of a size that is not known: one that every window fits.
  const image = sides.map((side, i) => side ?? (options.size[i as 0 | 1] - 1) * options.dilation[i as 0 | 1] + 1);
  const places = windowPlaces(op, image, makeWindow(op, image, options));
  return withPlaces(inputShape, channels, format, known(sides, places));
}

/**
 * The shape after a window slid over sequences; a length that is not known stays so.
 *
 * @throws ShapeError when the window is longer than the sequence.
 */
export function windowedRowShape(
  op: string,
  inputShape: BatchShape,
  channels: number | null,
  format: DataFormat,
  row: RowWindow,
): BatchShape {
  const places = placesOf(inputShape, format).map((length) =>
    length === null ? null : windowPlaces(op, [1, length], makeRowWindow(op, length, row))[1],
  );
  return withPlaces(inputShape, channels, format, places);
}

/** More pixels than any padding takes away. */
const LARGE_SIDE = 2 ** 22;

/**
 * The shape after a transposed convolution; sizes that are not known stay so.
 *
 * @throws ShapeError when nothing is left of the result.
 */
export function transposedShape(
  op: string,
  inputShape: BatchShape,
  channels: number | null,
  format: DataFormat,
  options: WindowOptions & { readonly outputPadding: readonly [number, number] | null },
): BatchShape {
  const sides = placesOf(inputShape, format);
  const image = sides.map((side) => side ?? LARGE_SIDE);
  const { places } = makeTransposeWindow(op, image, options);
  return withPlaces(inputShape, channels, format, known(sides, places));
}

/** The places of sizes that are known. */
function known(sides: BatchShape, places: readonly number[]): BatchShape {
  return sides.map((side, i) => (side === null ? null : places[i]!));
}

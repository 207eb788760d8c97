import { checkChoice } from "../ops/arguments.js";
import { DATA_FORMATS, makeWindow, windowPlaces, type DataFormat, type Padding } from "../ops/window.js";
import type { BatchShape } from "./batchShape.js";

export type { DataFormat };

export interface WindowOptions {
  readonly size: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly padding: Padding;
}

/** @throws ArgumentError unless `value` is a data format. */
export function checkDataFormat(op: string, value: unknown): DataFormat {
  return checkChoice(op, "dataFormat", value, DATA_FORMATS);
}

/** The axis of the channels. */
export function channelAxis(format: DataFormat): 1 | -1 {
  return format === "channelsFirst" ? 1 : -1;
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
  const first = format === "channelsFirst" ? 2 : 1;
  const sides = inputShape.slice(first, first + 2);
  // In place of a size that is not known: one that every window fits.
  const image = sides.map((side, i) => side ?? (options.size[i as 0 | 1] - 1) * options.dilation[i as 0 | 1] + 1);
  const places = windowPlaces(op, image, makeWindow(op, image, options));
  const result = sides.map((side, i) => (side === null ? null : places[i as 0 | 1]));
  return format === "channelsFirst" ? [inputShape[0]!, channels, ...result] : [inputShape[0]!, ...result, channels];
}

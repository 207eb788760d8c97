import type { ResizeAttributes } from "../cases/resize2d.js";
import { get, nd, type Nd } from "./nd.js";
import { transpose } from "./transpose.js";

/** The pixels that pixel `at` of `wanted` is made of, and their weights. */
function sources(at: number, size: number, wanted: number, attrs: ResizeAttributes): [pixel: number, weight: number][] {
  if (attrs.method === "nearest") return [[Math.floor(((at + 0.5) * size) / wanted), 1]];
  const position = attrs.alignCorners
    ? wanted === 1
      ? 0
      : (at * (size - 1)) / (wanted - 1)
    : Math.min(Math.max(((at + 0.5) * size) / wanted - 0.5, 0), size - 1);
  const low = Math.floor(position);
  return (
    [
      [low, 1 - (position - low)],
      [low + 1, position - low],
    ] as [number, number][]
  ).filter(([, weight]) => weight !== 0);
}

export function resize2d([x]: readonly Nd[], attrs: ResizeAttributes): Nd {
  if (attrs.dataFormat === "channelsFirst") {
    const last = transpose([x!], [0, 2, 3, 1]);
    return transpose([resize2d([last], { ...attrs, dataFormat: "channelsLast" })], [0, 3, 1, 2]);
  }
  const [n, height, width, channels] = x!.shape as [number, number, number, number];
  const [rows, columns] = attrs.size;
  return nd([n, rows, columns, channels], ([image, row, column, channel]) => {
    let sum = 0;
    for (const [y, down] of sources(row!, height, rows, attrs)) {
      for (const [z, across] of sources(column!, width, columns, attrs)) {
        sum += down * across * get(x!, [image!, y, z, channel!]);
      }
    }
    return sum;
  });
}

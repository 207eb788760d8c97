import type { PoolAttributes } from "../cases/maxPool2d.js";
import { get, nd, type Nd } from "./nd.js";
import { transpose } from "./transpose.js";
import { outputSize, pads, pair } from "./window.js";

export function avgPool2d([x]: readonly Nd[], attrs: PoolAttributes): Nd {
  if (attrs.dataFormat === "channelsFirst") {
    const last = transpose([x!], [0, 2, 3, 1]);
    return transpose([avgPool2d([last], { ...attrs, dataFormat: "channelsLast" })], [0, 3, 1, 2]);
  }
  const [n, height, width, channels] = x!.shape as [number, number, number, number];
  const [rows, columns] = pair(attrs.poolSize);
  const [strideY, strideX] = pair(attrs.strides ?? attrs.poolSize);
  const [[top, bottom], [left, right]] = pads(
    attrs.padding ?? "valid",
    [height, width],
    [rows, columns],
    [strideY, strideX],
    [1, 1],
  );
  const shape = [
    n,
    outputSize(height + top + bottom, rows, strideY, 1),
    outputSize(width + left + right, columns, strideX, 1),
    channels,
  ];
  return nd(shape, ([image, row, column, channel]) => {
    let sum = 0;
    let pixels = 0;
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const y = row! * strideY + i - top;
        const z = column! * strideX + j - left;
        if (y < 0 || y >= height || z < 0 || z >= width) continue;
        sum += get(x!, [image!, y, z, channel!]);
        pixels++;
      }
    }
    return sum / pixels;
  });
}

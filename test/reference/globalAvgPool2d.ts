import type { GlobalAvgPool2dOptions } from "nabla";
import { get, nd, type Nd } from "./nd.js";

export function globalAvgPool2d([x]: readonly Nd[], { keepDims, dataFormat }: GlobalAvgPool2dOptions): Nd {
  const first = dataFormat === "channelsFirst";
  const [n, height, width, channels] = (first ? [0, 2, 3, 1].map((axis) => x!.shape[axis]) : x!.shape) as [
    number,
    number,
    number,
    number,
  ];
  const means = nd([n, channels], ([image, channel]) => {
    let sum = 0;
    for (let i = 0; i < height; i++) {
      for (let j = 0; j < width; j++) sum += get(x!, first ? [image!, channel!, i, j] : [image!, i, j, channel!]);
    }
    return sum / (height * width);
  });
  if (!keepDims) return means;
  return { shape: first ? [n, channels, 1, 1] : [n, 1, 1, channels], data: means.data };
}

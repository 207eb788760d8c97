import type { DepthwiseAttributes } from "../cases/depthwiseConv2d.js";
import { activation } from "./activation.js";
import { get, nd, type Nd } from "./nd.js";
import { transpose } from "./transpose.js";
import { outputSize, pads, pair } from "./window.js";

export function depthwiseConv2d(inputs: readonly Nd[], attrs: DepthwiseAttributes): Nd {
  if (attrs.dataFormat === "channelsFirst") {
    const [x, ...rest] = inputs;
    const last = transpose([x!], [0, 2, 3, 1]);
    return transpose([depthwiseConv2d([last, ...rest], { ...attrs, dataFormat: "channelsLast" })], [0, 3, 1, 2]);
  }
  const [x, kernel, bias] = inputs as [Nd, Nd, Nd | undefined];
  const [n, height, width] = x.shape as [number, number, number, number];
  const [kh, kw, channels, multiplier] = kernel.shape as [number, number, number, number];
  const [strideY, strideX] = pair(attrs.strides ?? 1);
  const [stepY, stepX] = pair(attrs.dilationRate ?? 1);
  const [[top, bottom], [left, right]] = pads(
    attrs.padding ?? "valid",
    [height, width],
    [kh, kw],
    [strideY, strideX],
    [stepY, stepX],
  );
  const act = activation[attrs.activation ?? "none"];
  const rows = outputSize(height + top + bottom, kh, strideY, stepY);
  const columns = outputSize(width + left + right, kw, strideX, stepX);
  return nd([n, rows, columns, channels * multiplier], ([image, row, column, filter]) => {
    const channel = Math.floor(filter! / multiplier);
    let sum = bias ? bias.data[filter!]! : 0;
    for (let i = 0; i < kh; i++) {
      for (let j = 0; j < kw; j++) {
        const y = row! * strideY + i * stepY - top;
        const z = column! * strideX + j * stepX - left;
        if (y < 0 || y >= height || z < 0 || z >= width) continue;
        sum += get(x, [image!, y, z, channel]) * get(kernel, [i, j, channel, filter! % multiplier]);
      }
    }
    return act(sum);
  });
}

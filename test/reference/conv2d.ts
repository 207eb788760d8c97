import type { ConvAttributes } from "../cases/conv2d.js";
import { activation } from "./activation.js";
import { maxPool2d } from "./maxPool2d.js";
import { get, nd, type Nd } from "./nd.js";
import { transpose } from "./transpose.js";
import { outputSize, pads, pair } from "./window.js";

export function conv2d(inputs: readonly Nd[], attrs: ConvAttributes): Nd {
  const { maxPool, ...convolution } = attrs;
  if (maxPool) return maxPool2d([conv2d(inputs, convolution)], { ...maxPool, dataFormat: attrs.dataFormat });
  if (attrs.dataFormat === "channelsFirst") {
    const [x, ...rest] = inputs;
    const last = transpose([x!], [0, 2, 3, 1]);
    return transpose([conv2d([last, ...rest], { ...attrs, dataFormat: "channelsLast" })], [0, 3, 1, 2]);
  }
  const [x, kernel, bias] = inputs as [Nd, Nd, Nd | undefined];
  const [n, height, width, channels] = x.shape as [number, number, number, number];
  const [kh, kw, perGroup, filters] = kernel.shape as [number, number, number, number];
  const [strideY, strideX] = pair(attrs.strides ?? 1);
  const [stepY, stepX] = pair(attrs.dilationRate ?? 1);
  const groups = attrs.groups ?? 1;
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
  return nd([n, rows, columns, filters], ([image, row, column, filter]) => {
    const group = Math.floor(filter! / (filters / groups));
    let sum = bias ? bias.data[filter!]! : 0;
    for (let i = 0; i < kh; i++) {
      for (let j = 0; j < kw; j++) {
        const y = row! * strideY + i * stepY - top;
        const z = column! * strideX + j * stepX - left;
        if (y < 0 || y >= height || z < 0 || z >= width) continue;
        for (let c = 0; c < channels / groups; c++) {
          sum += get(x, [image!, y, z, group * perGroup + c]) * get(kernel, [i, j, c, filter!]);
        }
      }
    }
    return act(sum);
  });
}

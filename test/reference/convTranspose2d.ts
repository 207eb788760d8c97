import type { ConvTransposeAttributes } from "../cases/convTranspose2d.js";
import { count, get, indices, nd, place, type Nd } from "./nd.js";
import { transpose } from "./transpose.js";
import { pair } from "./window.js";

/** Adds every pixel's multiple of the kernel to a canvas without edges, and cuts the result out. */
export function convTranspose2d(inputs: readonly Nd[], attrs: ConvTransposeAttributes): Nd {
  if (attrs.dataFormat === "channelsFirst") {
    const [x, ...rest] = inputs;
    const last = transpose([x!], [0, 2, 3, 1]);
    return transpose([convTranspose2d([last, ...rest], { ...attrs, dataFormat: "channelsLast" })], [0, 3, 1, 2]);
  }
  const [x, kernel, bias] = inputs as [Nd, Nd, Nd | undefined];
  const strides = pair(attrs.strides ?? 1);
  const dilation = pair(attrs.dilationRate ?? 1);
  const [n] = x.shape as [number, number, number, number];
  const filters = kernel.shape[2]!;
  const cuts = [0, 1].map((axis) => cut(attrs, axis, x.shape[axis + 1]!, kernel.shape[axis]!));
  const shape = [n, cuts[0]!.size, cuts[1]!.size, filters];
  const sums = new Float64Array(count(shape));
  for (const [image, row, column, channel] of indices(x.shape)) {
    for (const [i, j, filter] of indices(kernel.shape.slice(0, 3))) {
      const y = row! * strides[0] + i! * dilation[0] - cuts[0]!.before;
      const z = column! * strides[1] + j! * dilation[1] - cuts[1]!.before;
      if (y < 0 || y >= shape[1]! || z < 0 || z >= shape[2]!) continue;
      sums[place(shape, [image!, y, z, filter!])]! +=
        get(x, [image!, row!, column!, channel!]) * get(kernel, [i!, j!, filter!, channel!]);
    }
  }
  return nd(shape, (index) => sums[place(shape, index)]! + (bias ? bias.data[index[3]!]! : 0));
}

/** What is cut off before the first pixel, and the number of pixels. */
function cut(
  attrs: ConvTransposeAttributes,
  axis: 0 | 1 | number,
  n: number,
  size: number,
): { before: number; size: number } {
  const at = axis as 0 | 1;
  const stride = pair(attrs.strides ?? 1)[at];
  const span = (size - 1) * pair(attrs.dilationRate ?? 1)[at] + 1;
  const more = attrs.outputPadding === undefined ? undefined : pair(attrs.outputPadding)[at];
  const { padding = "valid" } = attrs;
  if (padding === "valid")
    return { before: 0, size: (n - 1) * stride + (more === undefined ? Math.max(span, stride) : span + more) };
  if (padding === "same") {
    const wanted = more === undefined ? n * stride : (n - 1) * stride + (span % 2) + more;
    return { before: Math.max(0, Math.floor(((n - 1) * stride + span - wanted) / 2)), size: wanted };
  }
  const [before, after] = typeof padding === "number" ? [padding, padding] : padding[at];
  return { before, size: (n - 1) * stride + span - before - after + (more ?? 0) };
}

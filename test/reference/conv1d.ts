import type { Conv1dAttributes } from "../cases/conv1d.js";
import { activation } from "./activation.js";
import { get, nd, type Nd } from "./nd.js";
import { transpose } from "./transpose.js";
import { outputSize, pads } from "./window.js";

export function conv1d(inputs: readonly Nd[], attrs: Conv1dAttributes): Nd {
  if (attrs.dataFormat === "channelsFirst") {
    const [x, ...rest] = inputs;
    const last = transpose([x!], [0, 2, 1]);
    return transpose([conv1d([last, ...rest], { ...attrs, dataFormat: "channelsLast" })], [0, 2, 1]);
  }
  const [x, kernel, bias] = inputs as [Nd, Nd, Nd | undefined];
  const [n, length, channels] = x.shape as [number, number, number];
  const [size, perGroup, filters] = kernel.shape as [number, number, number];
  const { strides = 1, dilationRate = 1, groups = 1, padding = "valid" } = attrs;
  const [before, after] = ((): readonly [number, number] => {
    if (padding === "causal") return [(size - 1) * dilationRate, 0];
    if (typeof padding === "object") return padding;
    return pads(padding, [1, length], [1, size], [1, strides], [1, dilationRate])[1];
  })();
  const act = activation[attrs.activation ?? "none"];
  return nd([n, outputSize(before + length + after, size, strides, dilationRate), filters], ([batch, step, filter]) => {
    const group = Math.floor(filter! / (filters / groups));
    let sum = bias ? bias.data[filter!]! : 0;
    for (let i = 0; i < size; i++) {
      const at = step! * strides + i * dilationRate - before;
      if (at < 0 || at >= length) continue;
      for (let c = 0; c < channels / groups; c++) {
        sum += get(x, [batch!, at, group * perGroup + c]) * get(kernel, [i, c, filter!]);
      }
    }
    return act(sum);
  });
}

import type { Case } from "./case.js";
import { resultSize, type Conv2dParams } from "./conv2dParams.js";
import { conv2dReference } from "./conv2dReference.js";
import { targets } from "./targets.js";

/** How many products of its inputs a mode takes: y; y and dw; y, dw and dx. */
const products = { forward: 1, "forward+backward, no input gradient": 2, "forward+backward": 3 };
type Mode = keyof typeof products;

interface Shape {
  size: number;
  channels: readonly [number, number];
  batch: number;
  kernel?: number;
  stride?: number;
  pad?: number;
}

function conv2d({ size, channels, batch, kernel = 3, stride = 1, pad = 0 }: Shape, mode: Mode): Case {
  const [inChannels, outChannels] = channels;
  const params: Conv2dParams = {
    batch,
    size,
    inChannels,
    outChannels,
    kernel,
    stride,
    pad,
    backward: mode !== "forward",
    inputGradient: mode === "forward+backward",
  };
  const how = `${stride > 1 ? ` stride ${stride}` : ""}${pad > 0 ? ` pad ${pad}` : ""}`;
  const places = batch * resultSize(params) ** 2;
  const winograd = kernel === 3 && stride === 1 && Math.min(inChannels, outChannels) >= 64;
  return {
    stem: "conv2d",
    name: `conv2d ${kernel}x${kernel}${how} ${size} px ${inChannels}->${outChannels} N=${batch}, ${mode}`,
    params,
    // What the direct way takes: Winograd's does less, and may pass the machine's limit.
    work: { flops: 2 * kernel ** 2 * inChannels * outChannels * places * products[mode], peak: "fma" },
    target: winograd ? targets.convolution3x3 : targets.convolution,
    // The weight gradient adds up `places` products in float32. Winograd's F(4x4, 3x3) is off by about 2e-5 of the
    // largest value: its transforms multiply and cancel.
    tolerance: winograd ? 5e-5 : 2e-5,
    reference: () => conv2dReference(params),
  };
}

/** With 3 or 1 input channels it is a first layer, whose input gradient nobody needs: that is a case of its own. */
function modes(shape: Shape): Case[] {
  const all = Object.keys(products) as Mode[];
  const wanted = shape.channels[0] <= 3 ? all : all.filter((mode) => !mode.includes("no input"));
  return wanted.map((mode) => conv2d(shape, mode));
}

export const cases: Case[] = [
  ...modes({ size: 28, channels: [1, 32], batch: 32 }),
  ...modes({ size: 13, channels: [32, 64], batch: 32 }),
  ...modes({ size: 112, channels: [64, 128], batch: 8, pad: 1 }),
  ...modes({ size: 56, channels: [128, 256], batch: 8, pad: 1 }),
  ...modes({ size: 28, channels: [256, 512], batch: 8, pad: 1 }),
  ...modes({ size: 14, channels: [512, 512], batch: 8, pad: 1 }),
  ...modes({ size: 224, channels: [3, 64], batch: 8, pad: 1 }),
  ...modes({ size: 56, channels: [64, 256], batch: 8, kernel: 1 }),
  ...modes({ size: 224, channels: [3, 64], batch: 8, kernel: 7, stride: 2, pad: 3 }),
];

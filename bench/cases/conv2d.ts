import { samplePlaces, values } from "../harness/inputs.js";
import type { Case } from "./case.js";

/** A square kernel, stride 1, no padding, with bias: the convolutions of the README's CNN. */
export interface Conv2dParams {
  batch: number;
  height: number;
  width: number;
  inChannels: number;
  outChannels: number;
  kernel: number;
  backward: boolean;
  inputGradient: boolean;
  [key: string]: number | boolean;
}

const work = { forward: 1, "forward+backward": 3, "forward+backward, no input gradient": 2 };

function conv2d(size: number, inChannels: number, outChannels: number, batch: number, mode: keyof typeof work): Case {
  const params: Conv2dParams = {
    batch,
    height: size,
    width: size,
    inChannels,
    outChannels,
    kernel: 3,
    backward: mode !== "forward",
    inputGradient: mode === "forward+backward",
  };
  const places = batch * (size - 2) ** 2;
  return {
    stem: "conv2d",
    name: `conv2d 3x3 ${size} px ${inChannels}->${outChannels} N=${batch}, ${mode}`,
    params,
    flops: 2 * 9 * inChannels * outChannels * places * work[mode],
    // The weight gradient adds up `places` products in float32.
    tolerance: 2e-5,
    reference: () => reference(params),
  };
}

/** Outputs: y, dw, db, dx, as far as they are asked for. */
function reference(params: Conv2dParams): number[][] {
  const { batch, height, width, inChannels, outChannels, kernel } = params;
  const [rows, columns] = [height - kernel + 1, width - kernel + 1];
  const x = values(1, batch * height * width * inChannels);
  const w = values(2, kernel * kernel * inChannels * outChannels);
  const b = values(3, outChannels);
  const dy = values(4, batch * rows * columns * outChannels);
  const xAt = (n: number, i: number, j: number, c: number): number =>
    x[((n * height + i) * width + j) * inChannels + c]!;
  const wAt = (i: number, j: number, c: number, o: number): number =>
    w[((i * kernel + j) * inChannels + c) * outChannels + o]!;
  const dyAt = (n: number, i: number, j: number, o: number): number =>
    dy[((n * rows + i) * columns + j) * outChannels + o]!;

  const y = samplePlaces(dy.length).map((place) => {
    const [n, i, j, o] = split(place, rows, columns, outChannels);
    let sum = b[o]!;
    for (let p = 0; p < kernel; p++)
      for (let q = 0; q < kernel; q++)
        for (let c = 0; c < inChannels; c++) sum += xAt(n, i + p, j + q, c) * wAt(p, q, c, o);
    return sum;
  });
  if (!params.backward) return [y];

  const dw = samplePlaces(w.length).map((place) => {
    const [p, q, c, o] = split(place, kernel, inChannels, outChannels);
    let sum = 0;
    for (let n = 0; n < batch; n++)
      for (let i = 0; i < rows; i++)
        for (let j = 0; j < columns; j++) sum += xAt(n, i + p, j + q, c) * dyAt(n, i, j, o);
    return sum;
  });
  const db = samplePlaces(outChannels).map((o) => {
    let sum = 0;
    for (let at = o; at < dy.length; at += outChannels) sum += dy[at]!;
    return sum;
  });
  if (!params.inputGradient) return [y, dw, db];

  const dx = samplePlaces(x.length).map((place) => {
    const [n, i, j, c] = split(place, height, width, inChannels);
    let sum = 0;
    for (let p = Math.max(0, i - rows + 1); p <= Math.min(kernel - 1, i); p++)
      for (let q = Math.max(0, j - columns + 1); q <= Math.min(kernel - 1, j); q++)
        for (let o = 0; o < outChannels; o++) sum += dyAt(n, i - p, j - q, o) * wAt(p, q, c, o);
    return sum;
  });
  return [y, dw, db, dx];
}

/** The indices of a place in an array whose last three dimensions are given. */
function split(place: number, d1: number, d2: number, d3: number): [number, number, number, number] {
  const third = Math.floor(place / d3);
  const second = Math.floor(third / d2);
  return [Math.floor(second / d1), second % d1, third % d2, place % d3];
}

export const cases: Case[] = [
  conv2d(28, 1, 32, 32, "forward"),
  conv2d(28, 1, 32, 32, "forward+backward, no input gradient"),
  conv2d(28, 1, 32, 32, "forward+backward"),
  conv2d(13, 32, 64, 32, "forward"),
  conv2d(13, 32, 64, 32, "forward+backward"),
];

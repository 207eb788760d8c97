import { values } from "../harness/inputs.js";
import { moved, type Case } from "./case.js";
import { sampled, split } from "./conv2dReference.js";
import { targets } from "./targets.js";

/** 3x3, stride 1, a pixel of zeros around, one filter a channel, no bias, as in MobileNet. */
export interface DepthwiseParams {
  batch: number;
  size: number;
  channels: number;
  backward: boolean;
  [key: string]: number | boolean;
}

function depthwise(batch: number, size: number, channels: number, backward: boolean): Case {
  const params: DepthwiseParams = { batch, size, channels, backward };
  const floats = batch * size * size * channels;
  return {
    stem: "depthwiseConv2d",
    name: `depthwise conv 3x3 ${size} px ${channels} N=${batch}, ${backward ? "forward+backward" : "forward"}`,
    params,
    work: moved(floats * (backward ? 4 : 2)),
    target: targets.convolution,
    // The weight gradient adds up 25,000 products in float32.
    tolerance: 1e-5,
    reference: () => reference(params),
  };
}

/** Outputs: y, and dx, dw if they are asked for. */
function reference({ batch, size, channels, backward }: DepthwiseParams): (number | null)[][] {
  const count = batch * size * size * channels;
  const x = values(1, count);
  const w = values(2, 9 * channels);
  const at = (array: Float32Array, n: number, i: number, j: number, c: number): number =>
    i < 0 || j < 0 || i >= size || j >= size ? 0 : array[((n * size + i) * size + j) * channels + c]!;
  /** Around a pixel, with the kernel as it is or turned by half a turn. */
  const around = (array: Float32Array, place: number, turned: boolean): number => {
    const [n, i, j, c] = split(place, size, size, channels);
    let sum = 0;
    for (let k = 0; k < 9; k++) {
      const [p, q] = [Math.floor(k / 3) - 1, (k % 3) - 1];
      sum += at(array, n, i + p, j + q, c) * w[(turned ? 8 - k : k) * channels + c]!;
    }
    return sum;
  };
  const y = sampled(count, 9, (place) => around(x, place, false));
  if (!backward) return [y];
  const dy = values(3, count);
  const dx = sampled(count, 9, (place) => around(dy, place, true));
  const dw = sampled(9 * channels, batch * size * size, (place) => {
    const [k, c] = [Math.floor(place / channels), place % channels];
    const [p, q] = [Math.floor(k / 3) - 1, (k % 3) - 1];
    let sum = 0;
    for (let n = 0; n < batch; n++)
      for (let i = 0; i < size; i++)
        for (let j = 0; j < size; j++) sum += at(x, n, i + p, j + q, c) * at(dy, n, i, j, c);
    return sum;
  });
  return [y, dx, dw];
}

export const cases: Case[] = [depthwise(8, 56, 128, false), depthwise(8, 56, 128, true)];

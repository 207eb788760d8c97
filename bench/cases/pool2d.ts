import { samplePlaces, values } from "../harness/inputs.js";
import { moved, type Case } from "./case.js";
import { targets } from "./targets.js";

/** Windows of 2x2 that do not overlap, as the poolings of a CNN. */
export interface Pool2dParams {
  batch: number;
  size: number;
  channels: number;
  backward: boolean;
  [key: string]: number | boolean;
}

/**
 * One image size, forward and with the gradient. `share` is the part of a window's gradient that falls to the pixel `i`
 * of its four.
 */
export function pool2d(
  stem: "maxPool2d" | "avgPool2d",
  label: string,
  pool: (window: number[]) => number,
  share: (window: number[], i: number) => number,
): Case[] {
  return [false, true].map((backward) => {
    const params: Pool2dParams = { batch: 32, size: 56, channels: 128, backward };
    const { batch, size, channels } = params;
    return {
      stem,
      name: `${label} 2x2 N=${batch} ${size} px ${channels}, ${backward ? "forward+backward" : "forward"}`,
      params,
      work: moved(batch * size ** 2 * channels * (backward ? 2 : 1) * (1 + 1 / 4)),
      target: targets.pass,
      tolerance: 1e-6, // Four numbers are added.
      reference: () => reference(params, pool, share),
    };
  });
}

/** Outputs: y, and dx if it is asked for. */
function reference(
  { batch, size, channels, backward }: Pool2dParams,
  pool: (window: number[]) => number,
  share: (window: number[], i: number) => number,
): number[][] {
  const half = size / 2;
  const x = values(1, batch * size * size * channels);
  const dy = values(2, batch * half * half * channels);
  const window = (n: number, i: number, j: number, c: number): number[] =>
    [0, 1, 2, 3].map((k) => x[((n * size + 2 * i + (k >> 1)) * size + 2 * j + (k & 1)) * channels + c]!);

  const y = samplePlaces(dy.length).map((place) => {
    const pixel = Math.floor(place / channels);
    const row = Math.floor(pixel / half);
    return pool(window(Math.floor(row / half), row % half, pixel % half, place % channels));
  });
  if (!backward) return [y];
  const dx = samplePlaces(x.length).map((place) => {
    const pixel = Math.floor(place / channels);
    const [n, row, column] = [Math.floor(pixel / size / size), Math.floor(pixel / size) % size, pixel % size];
    const [i, j, c] = [row >> 1, column >> 1, place % channels];
    const taken = share(window(n, i, j, c), 2 * (row & 1) + (column & 1));
    return taken * dy[((n * half + i) * half + j) * channels + c]!;
  });
  return [y, dx];
}

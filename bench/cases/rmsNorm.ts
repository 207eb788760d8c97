import { samplePlaces, values } from "../harness/inputs.js";
import { moved, type Case } from "./case.js";
import { targets } from "./targets.js";

/** Over the last axis, with gamma; its gradient and that of x in the backward pass. */
export interface RmsNormParams {
  rows: number;
  columns: number;
  backward: boolean;
  [key: string]: number | boolean;
}

export const EPSILON = 1e-6;

function rmsNorm(rows: number, columns: number, backward: boolean): Case {
  const params: RmsNormParams = { rows, columns, backward };
  return {
    stem: "rmsNorm",
    name: `rmsNorm ${rows}x${columns}, ${backward ? "forward+backward" : "forward"}`,
    params,
    work: moved(rows * columns * (backward ? 4 : 2)),
    target: targets.pass,
    // The gradient of gamma adds up `rows` products in float32.
    tolerance: 1e-5,
    reference: () => reference(params),
  };
}

/** Outputs: y, and as far as they are asked for dx, dgamma. */
function reference({ rows, columns, backward }: RmsNormParams): number[][] {
  const x = values(1, rows * columns);
  const gamma = values(2, columns);
  const dy = values(3, rows * columns);
  const average = (row: number, of: (i: number) => number): number => {
    let sum = 0;
    for (let i = row * columns; i < (row + 1) * columns; i++) sum += of(i);
    return sum / columns;
  };
  const scales = Array.from({ length: rows }, (_, row) => 1 / Math.sqrt(average(row, (i) => x[i]! ** 2) + EPSILON));
  const places = samplePlaces(x.length);
  const rowOf = (i: number): number => Math.floor(i / columns);
  const y = places.map((i) => x[i]! * scales[rowOf(i)]! * gamma[i % columns]!);
  if (!backward) return [y];

  const slope = (i: number): number => dy[i]! * gamma[i % columns]!;
  const dx = places.map((i) => {
    const scale = scales[rowOf(i)]!;
    const along = average(rowOf(i), (j) => slope(j) * x[j]!);
    return scale * (slope(i) - x[i]! * scale ** 2 * along);
  });
  const dgamma = samplePlaces(columns).map((j) => {
    let sum = 0;
    for (let i = j; i < x.length; i += columns) sum += dy[i]! * x[i]! * scales[rowOf(i)]!;
    return sum;
  });
  return [y, dx, dgamma];
}

export const cases: Case[] = [rmsNorm(4096, 768, false), rmsNorm(4096, 768, true)];

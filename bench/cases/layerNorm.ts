import { samplePlaces, values } from "../harness/inputs.js";
import { moved, type Case } from "./case.js";
import { targets } from "./targets.js";

/** Over the last axis, with gamma and beta; their gradients and that of x in the backward pass. */
export interface LayerNormParams {
  rows: number;
  columns: number;
  backward: boolean;
  [key: string]: number | boolean;
}

export const EPSILON = 1e-5;

function layerNorm(rows: number, columns: number, mode: "forward" | "forward+backward"): Case {
  const params: LayerNormParams = { rows, columns, backward: mode === "forward+backward" };
  return {
    stem: "layerNorm",
    name: `layerNorm ${rows}x${columns}, ${mode}`,
    params,
    work: moved(rows * columns * (params.backward ? 4 : 2)),
    target: targets.pass,
    // The gradients of gamma and beta add up `rows` products in float32.
    tolerance: 1e-5,
    reference: () => reference(params),
  };
}

/** Outputs: y, and as far as they are asked for dx, dgamma, dbeta. */
function reference({ rows, columns, backward }: LayerNormParams): number[][] {
  const x = values(1, rows * columns);
  const gamma = values(2, columns);
  const beta = values(3, columns);
  const dy = values(4, rows * columns);
  const average = (of: (j: number) => number): number => {
    let sum = 0;
    for (let j = 0; j < columns; j++) sum += of(j);
    return sum / columns;
  };
  const z = new Float64Array(x.length);
  const deviations: number[] = [];
  for (let row = 0; row < rows; row++) {
    const mean = average((j) => x[row * columns + j]!);
    const deviation = Math.sqrt(average((j) => (x[row * columns + j]! - mean) ** 2) + EPSILON);
    for (let j = 0; j < columns; j++) z[row * columns + j] = (x[row * columns + j]! - mean) / deviation;
    deviations.push(deviation);
  }
  const places = samplePlaces(x.length);
  const y = places.map((i) => z[i]! * gamma[i % columns]! + beta[i % columns]!);
  if (!backward) return [y];

  const dx = places.map((i) => {
    const row = Math.floor(i / columns);
    const slope = (j: number): number => dy[row * columns + j]! * gamma[j]!;
    const along = average((j) => slope(j) * z[row * columns + j]!);
    return (slope(i % columns) - average(slope) - z[i]! * along) / deviations[row]!;
  });
  const columnSum = (of: (i: number) => number): number[] =>
    samplePlaces(columns).map((j) => {
      let sum = 0;
      for (let i = j; i < x.length; i += columns) sum += of(i);
      return sum;
    });
  return [y, dx, columnSum((i) => dy[i]! * z[i]!), columnSum((i) => dy[i]!)];
}

export const cases: Case[] = [layerNorm(4096, 768, "forward"), layerNorm(4096, 768, "forward+backward")];

import { samplePlaces, values } from "../harness/inputs.js";
import { moved, type Case } from "./case.js";
import { targets } from "./targets.js";

/** Over the last axis. */
export interface SoftmaxParams {
  op: "softmax" | "logSoftmax";
  rows: number;
  columns: number;
  backward: boolean;
  [key: string]: number | boolean | string;
}

/** Inputs lie between this and its negative. */
export const LIMIT = 4;

function softmax(op: SoftmaxParams["op"], rows: number, columns: number, mode: "forward" | "forward+backward"): Case {
  const params: SoftmaxParams = { op, rows, columns, backward: mode === "forward+backward" };
  return {
    stem: "softmax",
    name: `${op} ${rows}x${columns}, ${mode}`,
    params,
    work: moved(rows * columns * (params.backward ? 4 : 2)),
    target: targets.pass,
    // Some roundings of exponentials and of their sum.
    tolerance: 2e-6,
    reference: () => reference(params),
  };
}

/** Outputs: y, and dx if it is asked for. */
function reference({ op, rows, columns, backward }: SoftmaxParams): number[][] {
  const x = values(1, rows * columns, LIMIT);
  const dy = values(2, rows * columns);
  const places = samplePlaces(x.length);
  const rowSum = (i: number, of: (j: number) => number): number => {
    const start = i - (i % columns);
    let sum = 0;
    for (let j = start; j < start + columns; j++) sum += of(j);
    return sum;
  };
  // No exponential of numbers this small overflows.
  const sums = new Map<number, number>();
  const probability = (i: number): number => {
    const row = Math.floor(i / columns);
    if (!sums.has(row))
      sums.set(
        row,
        rowSum(i, (j) => Math.exp(x[j]!)),
      );
    return Math.exp(x[i]!) / sums.get(row)!;
  };
  const y = places.map((i) => (op === "softmax" ? probability(i) : Math.log(probability(i))));
  if (!backward) return [y];
  const dx = places.map((i) =>
    op === "softmax"
      ? probability(i) * (dy[i]! - rowSum(i, (j) => probability(j) * dy[j]!))
      : dy[i]! - probability(i) * rowSum(i, (j) => dy[j]!),
  );
  return [y, dx];
}

export const cases: Case[] = [
  softmax("softmax", 4096, 768, "forward"),
  softmax("softmax", 4096, 768, "forward+backward"),
  softmax("logSoftmax", 4096, 768, "forward"),
  softmax("logSoftmax", 4096, 768, "forward+backward"),
];

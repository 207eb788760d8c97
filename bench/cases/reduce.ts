import { samplePlaces, values } from "../harness/inputs.js";
import { FLOAT, type Case } from "./case.js";
import { targets } from "./targets.js";

/** A reduction of a matrix over one axis, or over both for axis -1. */
export interface ReduceParams {
  op: "sum" | "mean" | "max";
  rows: number;
  columns: number;
  axis: number;
  [key: string]: number | string;
}

const WHAT = ["first axis", "last axis"];

function reduce(op: ReduceParams["op"], rows: number, columns: number, axis: number): Case {
  const params: ReduceParams = { op, rows, columns, axis };
  return {
    stem: "reduce",
    name: `reduce: ${op} of ${rows}x${columns}, ${WHAT[axis] ?? "everything"}`,
    params,
    work: { bytes: FLOAT * rows * columns, peak: "read" },
    target: targets.pass,
    // Numbers of both signs nearly cancel: some roundings of 6e-8 of their magnitudes are more of the sum.
    tolerance: 1e-3,
    reference: () => [reference(params)],
  };
}

function reference({ op, rows, columns, axis }: ReduceParams): number[] {
  const x = values(1, rows * columns);
  const outputs = axis === 0 ? columns : axis === 1 ? rows : 1;
  const count = x.length / outputs;
  return samplePlaces(outputs).map((place) => {
    const [first, stride] = axis === 0 ? [place, columns] : [place * count, 1];
    let [sum, greatest] = [0, -Infinity];
    for (let i = 0; i < count; i++) {
      const value = x[first + i * stride]!;
      sum += value;
      greatest = Math.max(greatest, value);
    }
    return op === "max" ? greatest : op === "sum" ? sum : sum / count;
  });
}

export const cases: Case[] = [
  ...([1, 0] as const).flatMap((axis) => (["sum", "mean", "max"] as const).map((op) => reduce(op, 4096, 768, axis))),
  reduce("sum", 4096, 768, -1),
];

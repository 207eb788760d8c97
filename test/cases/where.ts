import { shapes, type Case, type InputSpec } from "../support/check-op.js";
import { pairs } from "./binary.js";

const condition = (shape: readonly number[]): InputSpec => ({ shape, values: "bool", dtype: "bool" });

export const cases: Case[] = [
  ...pairs.map(([a, b]) => shapes(condition(a), a, b)),
  shapes(condition([3, 1]), [1, 5], []),
  shapes(condition([]), [2, 3], [3]),
  shapes(condition([2, 2, 3]), [3], [2, 1]),
];

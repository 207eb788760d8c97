import type { Case } from "../support/check-op.js";

const table: [readonly number[], number][] = [
  [[1], -1],
  [[7], 0],
  [[3, 1], -1],
  [[3, 5], -1],
  [[3, 5], 0],
  [[2, 15], 1],
  [[2, 16], 1],
  [[2, 17], 1],
  [[3, 67], -1],
  [[2, 3, 5], 1],
  [[2, 5, 3], -3],
  [[0, 4], -1],
  [[2, 0], -1],
];

/** The attribute is the axis. */
export const cases: Case<number>[] = table.map(([shape, axis]) => ({
  name: `[${shape.join()}] along ${axis}`,
  inputs: [{ shape }],
  attrs: axis,
}));

export const extreme: Case<number>[] = [
  { name: "large logits", inputs: [{ shape: [2, 3], values: [1000, 999, -1000, -1000, -1001, -999] }], attrs: -1 },
  { name: "-Infinity", inputs: [{ shape: [2, 2], values: [-Infinity, 0, 3, -Infinity] }], attrs: -1, gradient: false },
  { name: "NaN", inputs: [{ shape: [2, 2], values: [NaN, 0, 3, 1] }], attrs: -1, gradient: false },
];

/** For the benchmark. */
export const named = { "4096x768": [4096, 768], "attention: 96x128x128": [96, 128, 128] } as const;

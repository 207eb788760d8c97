import type { Part, RecurrentAttributes } from "../reference/recurrent.js";
import type { Case, InputSpec } from "../support/check-op.js";
import { draw, random, type Values } from "../support/values.js";

/** The sizes of a recurrent op's weights. */
export interface Sizes {
  readonly gates: number;
  readonly biasRows: 1 | 2;
  readonly states: readonly Part[];
}

interface Row extends Partial<Omit<RecurrentAttributes, "mask">> {
  /** [batch, time, features, units] */
  readonly size: readonly [number, number, number, number];
  /** Row by row, or "bool" for a random one. */
  readonly mask?: Values;
}

const rows: Row[] = [
  { size: [1, 1, 1, 1] },
  { size: [2, 3, 4, 5] },
  { size: [3, 5, 7, 11], backwards: true },
  { size: [2, 4, 3, 16], bias: false },
  { size: [5, 3, 17, 8], state: false },
  { size: [3, 2, 5, 33], state: false, bias: false, backwards: true },
  { size: [1, 7, 2, 3], parts: ["last"] },
  { size: [4, 3, 1, 17], parts: ["y"] },
  { size: [2, 3, 2, 4], parts: ["h"] },
  { size: [9, 7, 13, 67] },
  { size: [0, 3, 2, 4] },
  { size: [2, 0, 3, 4] },
  { size: [2, 0, 3, 4], state: false },
  { size: [2, 3, 0, 4] },
];

// Of two rows of four steps: none counts; the first or the last one does not; only some in between do.
const masks: Record<string, Values> = {
  "none counts": [0, 0, 0, 0, 0, 0, 0, 0],
  "not the first": [0, 1, 1, 1, 0, 0, 1, 1],
  "not the last": [1, 1, 1, 0, 1, 1, 0, 0],
  gaps: [0, 1, 0, 1, 0, 0, 1, 0],
};

const maskedRows: Row[] = [
  ...Object.values(masks).flatMap((mask) => [
    { size: [2, 4, 3, 5], mask } as const,
    { size: [2, 4, 3, 5], mask, zeroOutput: true } as const,
    { size: [2, 4, 3, 5], mask, zeroOutput: true, backwards: true, parts: ["last"] } as const,
    { size: [2, 4, 2, 3], mask, parts: ["last"] } as const,
    { size: [2, 4, 2, 3], mask, parts: ["y"], backwards: true } as const,
    { size: [2, 4, 2, 3], mask, state: false } as const,
  ]),
  { size: [7, 5, 3, 19], mask: "bool" },
  { size: [7, 5, 3, 19], mask: "bool", zeroOutput: true, state: false, bias: false },
  { size: [3, 4, 2, 5], mask: "bool", parts: ["h"] },
  { size: [0, 3, 2, 4], mask: "bool" },
  { size: [2, 0, 3, 4], mask: "bool" },
];

/** Of a size that keeps sums around 1, so that an error neither grows nor fades from step to step. */
function weights(name: string, inputs: number, columns: number): InputSpec {
  const shape = [inputs, columns];
  const normal = draw("normal", shape, random(`${name} ${shape.join()}`));
  return { shape, values: Array.from(normal, (value) => Math.fround(value / Math.sqrt(inputs))) };
}

function make(sizes: Sizes, row: Row): Case<RecurrentAttributes> {
  const [batch, steps, features, units] = row.size;
  const { bias = true, state = true, backwards = false, zeroOutput = false, activation = "tanh" } = row;
  const columns = sizes.gates * units;
  const inputs: InputSpec[] = [
    ...(row.mask ? [{ shape: [batch, steps], values: row.mask, dtype: "bool" } as const] : []),
    { shape: [batch, steps, features] },
    weights("kernel", features, columns),
    weights("recurrentKernel", units, columns),
    ...(bias ? [{ shape: sizes.biasRows === 1 ? [columns] : [sizes.biasRows, columns] }] : []),
    ...(state ? sizes.states.map(() => ({ shape: [batch, units] })) : []),
  ];
  const parts = row.parts ?? ["y", ...sizes.states];
  const mask = row.mask === undefined ? "" : typeof row.mask === "string" ? "masked" : `mask ${row.mask.join("")}`;
  const notes = [
    mask,
    bias ? "" : "no bias",
    state ? "" : "no state",
    backwards ? "backwards" : "",
    zeroOutput ? "zeros" : "",
    activation === "tanh" ? "" : activation,
    row.parts ? `of ${parts.join()} alone` : "",
  ];
  return {
    name: [`[${row.size.join()}]`, ...notes].filter(Boolean).join(", "),
    inputs,
    attrs: { mask: row.mask !== undefined, bias, state, backwards, zeroOutput, activation, parts },
  };
}

/** The cases of a recurrent op without and with a mask. */
export function recurrentCases(sizes: Sizes, more: readonly Row[] = []) {
  return {
    plain: [...rows, ...more].map((row) => make(sizes, row)),
    masked: maskedRows.map((row) => make(sizes, row)),
  };
}

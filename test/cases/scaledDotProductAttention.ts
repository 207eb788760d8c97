import type { AttentionAttributes } from "../reference/scaledDotProductAttention.js";
import type { Case, InputSpec } from "../support/check-op.js";

interface Row {
  /** [batch, heads, queries, size] */
  q: readonly [number, number, number, number];
  /** As those of q, if left out. */
  keys?: number;
  keyHeads?: number;
  valueSize?: number;
  /** The shape of the mask. */
  bool?: readonly number[];
  additive?: readonly number[] | InputSpec;
  lengths?: readonly number[];
  causal?: boolean;
  scale?: number;
  dropout?: number;
}

// Sizes that are no whole number of registers or tiles, one element, more keys than queries and the other way round.
const table: Row[] = [
  { q: [1, 1, 1, 1] },
  { q: [1, 1, 1, 8], keys: 5 },
  { q: [2, 3, 4, 5] },
  { q: [1, 2, 7, 16], keys: 3 },
  { q: [2, 2, 3, 17], keys: 19, valueSize: 5 },
  { q: [1, 1, 5, 3], valueSize: 33 },
  { q: [1, 2, 5, 4], scale: 0.1 },
  { q: [1, 2, 5, 4], scale: -1.5 },
  { q: [1, 1, 3, 64], keys: 37 },
  { q: [2, 1, 13, 1], keys: 11 },
  // Grouped heads.
  { q: [2, 4, 3, 5], keyHeads: 2 },
  { q: [1, 6, 5, 7], keyHeads: 1, keys: 3, causal: true },
  // Causal.
  { q: [1, 2, 7, 5], causal: true },
  { q: [2, 1, 3, 4], keys: 8, causal: true },
  { q: [1, 2, 9, 4], keys: 2, causal: true },
  // Masks, with and without an axis for each of batch, heads, queries and keys.
  { q: [2, 3, 4, 5], bool: [2, 3, 4, 4] },
  { q: [2, 3, 4, 5], keys: 7, bool: [4, 7] },
  { q: [2, 2, 3, 5], keys: 7, bool: [2, 1, 1, 7] },
  { q: [2, 2, 3, 5], keys: 6, bool: [2, 1, 3, 1] },
  { q: [1, 4, 3, 5], keyHeads: 2, keys: 17, bool: [4, 1, 17], causal: true },
  { q: [2, 3, 4, 5], additive: [2, 3, 4, 4] },
  { q: [2, 3, 4, 5], keys: 7, additive: [3, 1, 7] },
  { q: [1, 2, 3, 4], keys: 5, additive: [] },
  { q: [2, 2, 3, 5], keys: 6, additive: [2, 1, 3, 1], causal: true },
  // Lengths.
  { q: [3, 2, 4, 5], keys: 7, lengths: [7, 3, 1] },
  { q: [2, 2, 5, 3], lengths: [2, 5], causal: true },
  { q: [2, 4, 5, 3], keyHeads: 2, lengths: [4, 5], bool: [5, 5] },
  { q: [2, 1, 3, 3], keys: 19, lengths: [18, 2], additive: [3, 19] },
  // No key at all for some queries.
  { q: [2, 2, 3, 5], lengths: [0, 3] },
  {
    q: [1, 1, 3, 2],
    keys: 3,
    additive: { shape: [3, 3], values: [0, -Infinity, 1, ...Array<number>(3).fill(-Infinity), 0, 0, 0] },
  },
  // No key but such as a finite number hides: all of them count alike. (In float64 scores would still show beside -1e9.)
  {
    q: [1, 2, 3, 2],
    keys: 7,
    valueSize: 3,
    scale: 0,
    additive: {
      shape: [3, 7],
      values: [...Array<number>(7).fill(-1e9), 0, ...Array<number>(6).fill(-1e9), ...Array<number>(7).fill(-1e30)],
    },
  },
  // Dropout.
  { q: [2, 3, 4, 5], dropout: 0.4 },
  { q: [1, 2, 5, 3], keys: 7, dropout: 0.25, causal: true },
  { q: [2, 2, 3, 4], keys: 5, keyHeads: 1, dropout: 0.5, bool: [2, 1, 3, 5], lengths: [5, 4] },
  // Nothing.
  { q: [0, 2, 3, 4] },
  { q: [2, 0, 3, 4] },
  { q: [1, 2, 0, 4], keys: 3 },
  { q: [1, 2, 3, 4], keys: 0 },
  { q: [1, 2, 3, 0], scale: 1 },
  { q: [1, 2, 3, 4], valueSize: 0 },
];

function attentionCase(row: Row): Case<AttentionAttributes> {
  const { q, keys = q[2], keyHeads = q[1], valueSize = q[3], bool, additive, lengths, ...options } = row;
  const [batch, , , size] = q;
  const inputs: InputSpec[] = [
    { shape: q },
    { shape: [batch, keyHeads, keys, size] },
    { shape: [batch, keyHeads, keys, valueSize] },
  ];
  if (bool) inputs.push({ shape: bool, values: "bool", dtype: "bool" });
  if (additive) inputs.push("shape" in additive ? additive : { shape: additive });
  if (lengths) inputs.push({ shape: [batch], values: lengths, dtype: "int32" });
  const mask = bool ? "bool" : additive ? "additive" : undefined;
  return {
    name: [
      ...inputs.map(({ shape }) => `[${shape.join()}]`),
      ...Object.entries({ mask, lengths, ...options })
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => `${name} ${String(value)}`),
    ].join(", "),
    inputs,
    attrs: { ...options, ...(mask ? { mask } : {}), lengths: lengths !== undefined },
  };
}

export const cases = table.map(attentionCase);

/** Several tiles of queries and keys, the last of them in part. */
const largeTable: Row[] = [
  { q: [1, 2, 131, 64], keys: 197 },
  { q: [1, 1, 197, 40], keys: 131, causal: true },
  { q: [2, 2, 67, 33], keys: 259, keyHeads: 1, valueSize: 17, bool: [2, 1, 1, 259] },
  { q: [2, 1, 150, 16], keys: 300, lengths: [300, 77], causal: true, dropout: 0.3 },
  { q: [1, 2, 70, 24], keys: 530, additive: [70, 530] },
];
export const large = largeTable.map(attentionCase);

import { samplePlaces, values } from "../harness/inputs.js";
import type { Case } from "./case.js";
import { targets } from "./targets.js";

/**
 * q, k and v are [batch, heads, length, size] as a projection leaves them: transposed views of [batch, length, heads, size].
 * Outputs and their gradient are in the order of [batch, heads, length, size].
 */
export interface AttentionParams {
  batch: number;
  heads: number;
  length: number;
  size: number;
  causal: boolean;
  backward: boolean;
  [key: string]: number | boolean;
}

/** The queries of BERT-base and DistilBERT. */
const [BATCH, HEADS, SIZE] = [8, 12, 64];

/** Of so many of the heads the reference makes the gradients of keys and values, each of which takes all queries. */
const HEADS_IN_FULL = 2;

function attention(length: number, causal: boolean, backward: boolean): Case {
  const params: AttentionParams = { batch: BATCH, heads: HEADS, length, size: SIZE, causal, backward };
  const pairs = BATCH * HEADS * (causal ? (length * (length + 1)) / 2 : length * length);
  const mode = backward ? "forward+backward" : "forward";
  return {
    stem: "scaledDotProductAttention",
    name: `scaledDotProductAttention B${BATCH} H${HEADS} D${SIZE}, S=${length}, ${causal ? "causal, " : ""}${mode}`,
    params,
    // Two products forward and four backward; the scores need not be made anew.
    work: { flops: 2 * SIZE * pairs * (backward ? 6 : 2), peak: "fma" },
    target: backward
      ? causal
        ? targets.causalAttentionBackward
        : targets.attentionBackward
      : targets.attentionForward,
    // Sums of up to 1,024 float32 products.
    tolerance: 1e-5,
    reference: () => reference(params),
  };
}

/** Outputs: y, and as far as they are asked for dq, dk and dv. */
function reference(params: AttentionParams): (number | null)[][] {
  const { batch, heads, length, size, causal, backward } = params;
  const count = batch * heads * length * size;
  const [q, k, v, dy] = [1, 2, 3, 4].map((seed) => values(seed, count)) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  /** Where a row of inputs begins: they lie in memory as [batch, length, heads, size]. */
  const rowAt = (pair: number, i: number): number =>
    ((Math.floor(pair / heads) * length + i) * heads + (pair % heads)) * size;
  const dot = (a: Float32Array, at: number, b: Float32Array, bt: number): number => {
    let sum = 0;
    for (let d = 0; d < size; d++) sum += a[at + d]! * b[bt + d]!;
    return sum;
  };
  const keysOf = (i: number): number => (causal ? i + 1 : length);
  const scale = 1 / Math.sqrt(size);
  /** The probabilities of query i, and the gradients of its scores. */
  const row = (pair: number, i: number): { p: number[]; ds: number[] } => {
    // No exponential of scores this small overflows.
    const p = Array.from({ length: keysOf(i) }, (_, j) => Math.exp(scale * dot(q, rowAt(pair, i), k, rowAt(pair, j))));
    const sum = p.reduce((a, b) => a + b, 0);
    p.forEach((e, j) => (p[j] = e / sum));
    if (!backward) return { p, ds: [] };
    const dp = p.map((_, j) => dot(dy, rowAt(pair, i), v, rowAt(pair, j)));
    const along = p.reduce((total, probability, j) => total + probability * dp[j]!, 0);
    return { p, ds: p.map((probability, j) => scale * probability * (dp[j]! - along)) };
  };

  const places = samplePlaces(count).map((place) => ({
    pair: Math.floor(place / (length * size)),
    i: Math.floor(place / size) % length,
    d: place % size,
  }));
  const perQuery = places.map(({ pair, i, d }) => {
    const { p, ds } = row(pair, i);
    const sum = (weights: readonly number[], x: Float32Array): number =>
      weights.reduce((total, weight, j) => total + weight * x[rowAt(pair, j) + d]!, 0);
    return [sum(p, v), sum(ds, k)];
  });
  const y = perQuery.map(([value]) => value!);
  if (!backward) return [y];

  const full = new Map<number, { p: number[]; ds: number[] }[]>();
  for (let n = 1; n <= HEADS_IN_FULL; n++) {
    const pair = Math.floor((n * batch * heads) / (HEADS_IN_FULL + 1));
    full.set(
      pair,
      Array.from({ length }, (_, i) => row(pair, i)),
    );
  }
  const perKey = (of: "p" | "ds", x: Float32Array): (number | null)[] =>
    places.map(({ pair, i: j, d }) => {
      const rows = full.get(pair);
      return rows ? rows.reduce((total, r, i) => total + (r[of][j] ?? 0) * x[rowAt(pair, i) + d]!, 0) : null;
    });
  return [y, perQuery.map(([, slope]) => slope!), perKey("ds", q), perKey("p", dy)];
}

const LENGTHS = [128, 512, 1024];

export const cases: Case[] = [false, true].flatMap((causal) =>
  LENGTHS.flatMap((length) => [false, true].map((backward) => attention(length, causal, backward))),
);

import { get, getBroadcast, nd, type Nd } from "./nd.js";
import { uniform, words } from "./random.js";

export interface AttentionAttributes {
  readonly causal?: boolean;
  readonly scale?: number;
  /** Which inputs follow q, k and v. */
  readonly mask?: "bool" | "additive";
  readonly lengths?: boolean;
  readonly dropout?: number;
}

/** What the random numbers of cases with dropout begin with. */
export const SEED = 123456789012;

export function scaledDotProductAttention(
  [q, k, v, ...rest]: readonly Nd[],
  { causal = false, scale, mask, lengths = false, dropout = 0 }: AttentionAttributes,
): Nd {
  const [batch, heads, queries, size] = q!.shape as [number, number, number, number];
  const [, keyHeads, keys] = k!.shape as [number, number, number];
  const valueSize = v!.shape[3]!;
  const masked = mask ? rest[0] : undefined;
  const counts = lengths ? rest[rest.length - 1] : undefined;
  const factor = scale ?? 1 / Math.sqrt(size);
  const drawn = dropout > 0 ? words(SEED, 0, batch * heads * queries * keys) : [];

  const probabilities = nd([batch, heads, queries, keys], () => 0);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let i = 0; i < queries; i++) {
        const scores = Array.from({ length: keys }, (_, j) => {
          let score = 0;
          const keyHead = Math.floor((h * keyHeads) / heads);
          for (let d = 0; d < size; d++) score += get(q!, [b, h, i, d]) * get(k!, [b, keyHead, j, d]) * factor;
          const own = masked ? getBroadcast(masked, [b, h, i, j]) : 0;
          const attends =
            (mask !== "bool" || own !== 0) && (!causal || j <= i) && (counts === undefined || j < counts.data[b]!);
          return attends ? score + (mask === "additive" ? own : 0) : -Infinity;
        });
        const largest = Math.max(...scores);
        if (largest === -Infinity) continue;
        const exponentials = scores.map((score) => Math.exp(score - largest));
        const sum = exponentials.reduce((a, e) => a + e, 0);
        exponentials.forEach((e, j) => {
          const place = ((b * heads + h) * queries + i) * keys + j;
          const kept = dropout === 0 || uniform(drawn[place]!) >= dropout;
          probabilities.data[place] = kept ? e / sum / (1 - dropout) : 0;
        });
      }
    }
  }
  return nd([batch, heads, queries, valueSize], ([b, h, i, e]) => {
    let sum = 0;
    for (let j = 0; j < keys; j++) {
      sum += get(probabilities, [b!, h!, i!, j]) * get(v!, [b!, Math.floor((h! * keyHeads) / heads), j, e!]);
    }
    return sum;
  });
}

import { uniform, words } from "./random.js";

/** What the first call after setSeed(seed) does. */
export function dropout(x: Float64Array, seed: number, rate: number): Float64Array {
  const drawn = words(seed, 0, x.length);
  return x.map((value, i) => (uniform(drawn[i]!) >= rate ? value / (1 - rate) : 0));
}

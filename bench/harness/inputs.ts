/** Inputs that every competitor computes for itself, to the same bits; competitors/pytorch/inputs.py is the twin. */

/** mulberry32: a function of seed and counter, a multiple of 2^-24 in [0, 1). */
function uniform(seed: number, counter: number): number {
  let t = (seed + Math.imul(counter + 1, 0x6d2b79f5)) | 0;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 8) / 2 ** 24;
}

/** Uniform in [-limit, limit). */
export function values(seed: number, count: number, limit = 1): Float32Array {
  const result = new Float32Array(count);
  for (let i = 0; i < count; i++) result[i] = (2 * uniform(seed, i) - 1) * limit;
  return result;
}

/** The first 2^20 values over and over: for large arrays whose values matter less than the time to make them. */
export function tiled(seed: number, count: number, limit = 1): Float32Array {
  const tile = values(seed, Math.min(count, 2 ** 20), limit);
  const result = new Float32Array(count);
  for (let at = 0; at < count; at += tile.length) result.set(tile.subarray(0, count - at), at);
  return result;
}

/** Rounded to the nearest number of bfloat16, ties to even. */
export function asBfloat16(array: Float32Array): Float32Array {
  const bits = new Uint32Array(array.slice().buffer);
  for (let i = 0; i < bits.length; i++) {
    const odd = (bits[i]! >>> 16) & 1;
    bits[i] = (bits[i]! + 0x7fff + odd) & 0xffff0000;
  }
  return new Float32Array(bits.buffer);
}

/** Class numbers in [0, classes). */
export function labels(seed: number, count: number, classes: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => Math.floor(uniform(seed, i) * classes));
}

const SAMPLES = 512;

/** The places of an output that are compared: all of a small one, evenly spread ones of a large one. */
export function samplePlaces(length: number): number[] {
  const count = Math.min(SAMPLES, length);
  return Array.from({ length: count }, (_, i) => Math.floor((i * length) / count));
}

export function sample(output: ArrayLike<number>): number[] {
  return samplePlaces(output.length).map((place) => output[place]!);
}

/**
 * Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011), in integers of
 * any size, and what tensors make of its words.
 */
const MASK = 0xffffffffn;

export function block(seed: number, number: number): number[] {
  let counter = [BigInt(number) & MASK, BigInt(number) >> 32n, 0n, 0n];
  let key = [BigInt(seed) & MASK, BigInt(seed) >> 32n];
  for (let round = 0; round < 10; round++) {
    const first = 0xd2511f53n * counter[0]!;
    const second = 0xcd9e8d57n * counter[2]!;
    counter = [
      (second >> 32n) ^ counter[1]! ^ key[0]!,
      second & MASK,
      (first >> 32n) ^ counter[3]! ^ key[1]!,
      first & MASK,
    ];
    key = [(key[0]! + 0x9e3779b9n) & MASK, (key[1]! + 0xbb67ae85n) & MASK];
  }
  return counter.map(Number);
}

/** The top 24 bits of the word of each element. */
export function words(seed: number, first: number, count: number): number[] {
  return Array.from({ length: Math.ceil(count / 4) }, (_, i) => block(seed, first + i))
    .flat()
    .slice(0, count)
    .map((word) => word >>> 8);
}

/** The numbers 0 ... count - 1, of which each word moves one to the end of those that are left (Fisher and Yates). */
export function permutation(seed: number, first: number, count: number): number[] {
  const left = Array.from({ length: count }, (_, i) => i);
  const order: number[] = [];
  for (let place = 0; left.length > 1; place++) {
    const word = block(seed, first + Math.floor(place / 4))[place % 4]!;
    const chosen = Number((BigInt(word) * BigInt(left.length)) >> 32n);
    order.unshift(left[chosen]!);
    // The last one takes its place.
    const last = left.pop()!;
    if (chosen < left.length) left[chosen] = last;
  }
  return [...left, ...order];
}

/** In [0, 1). */
export const uniform = (word: number): number => word / 2 ** 24;

/** Box and Muller, a pair of words at a time. */
export function normal(pair: readonly number[]): [number, number] {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform(pair[0]!)));
  const angle = 2 * Math.PI * uniform(pair[1]!);
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}

/** The part of a normal distribution cut off at two deviations that lies below z. */
export function truncatedDistribution(z: number): number {
  return 0.5 + erf(z / Math.SQRT2) / (2 * erf(Math.SQRT2));
}

/** By its power series: exact to rounding for |x| < 2. */
function erf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 60; n++) {
    term *= -(x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

import { setImmediate } from "node:timers/promises";

/** The random bits of native/core/philox.h, four words a block: a function of seed and block number alone. */
export class Philox {
  private readonly key0: number;
  private readonly key1: number;
  private block: number;
  private readonly words = new Uint32Array(4);
  private used = 4;

  constructor(seed: number, block = 0) {
    this.key0 = seed >>> 0;
    this.key1 = Math.floor(seed / 2 ** 32) >>> 0;
    this.block = block;
  }

  /** The next 32 random bits, as an integer of 0 or more. */
  next(): number {
    if (this.used === 4) {
      this.fill();
      this.used = 0;
    }
    return this.words[this.used++]!;
  }

  private fill(): void {
    let c0 = this.block >>> 0;
    let c1 = Math.floor(this.block / 2 ** 32) >>> 0;
    let c2 = 0;
    let c3 = 0;
    let k0 = this.key0;
    let k1 = this.key1;
    for (let round = 0; round < 10; round++) {
      const high0 = multiplyHigh(0xd2511f53, c0);
      const high1 = multiplyHigh(0xcd9e8d57, c2);
      const low0 = Math.imul(0xd2511f53, c0) >>> 0;
      const low1 = Math.imul(0xcd9e8d57, c2) >>> 0;
      c0 = (high1 ^ c1 ^ k0) >>> 0;
      c2 = (high0 ^ c3 ^ k1) >>> 0;
      c1 = low1;
      c3 = low0;
      k0 = (k0 + 0x9e3779b9) >>> 0;
      k1 = (k1 + 0xbb67ae85) >>> 0;
    }
    this.words[0] = c0;
    this.words[1] = c1;
    this.words[2] = c2;
    this.words[3] = c3;
    this.block++;
  }
}

/** The upper 32 of the 64 bits of a product of two unsigned 32-bit integers. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  // Each sum stays below 2^53, so that doubles hold it exactly.
  const middle = aHigh * bLow + Math.floor((aLow * bLow) / 65536);
  const carry = (middle & 0xffff) + aLow * bHigh;
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(carry / 65536)) >>> 0;
}

/** As many swaps as take about a millisecond: then other work of the process may run. */
const SWAPS_AT_ONCE = 1 << 15;

/** Fisher and Yates: swaps each place with a random one that is not behind it. Stops for others now and then. */
function* shuffling(order: Int32Array, random: Philox): Generator<void> {
  for (let i = 0; i < order.length; i++) order[i] = i;
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor((random.next() / 2 ** 32) * (i + 1));
    const swapped = order[i]!;
    order[i] = order[j]!;
    order[j] = swapped;
    if (i % SWAPS_AT_ONCE === 0) yield;
  }
}

/** The numbers 0 … count - 1 in random order: the same for the same seed and block everywhere. */
export async function permutation(count: number, seed: number, block = 0): Promise<Int32Array<ArrayBuffer>> {
  const order = new Int32Array(count);
  for (const _ of shuffling(order, new Philox(seed, block))) await setImmediate();
  return order;
}

/** Like {@link permutation}, blocking. */
export function permutationSync(count: number, seed: number, block = 0): Int32Array<ArrayBuffer> {
  const order = new Int32Array(count);
  for (const _ of shuffling(order, new Philox(seed, block)));
  return order;
}

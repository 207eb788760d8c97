import { describe, expect, it } from "vitest";
import { rand, setSeed } from "nabla";
import { Philox, permutation, permutationSync } from "../../src/ts/data/permutation.js";

describe("Philox", () => {
  it("gives the published vectors", () => {
    // Random123's known answers for key and counter 0, and key 0xffffffff ffffffff with counter 0xffffffff ffffffff 0 0
    // are in native/test; here: the words of block 0 for seed 0.
    const random = new Philox(0);
    expect([random.next(), random.next(), random.next(), random.next()]).toEqual([
      0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8,
    ]);
  });

  it.each([1, 2 ** 32 + 5, 2 ** 53 - 1])("gives the bits of the native generator for seed %d", (seed) => {
    setSeed(seed);
    const native = rand([1000]).dataSync();
    const random = new Philox(seed);
    // A float32 has the upper 24 bits of a word.
    const own = Float32Array.from({ length: 1000 }, () => (random.next() >>> 8) / 2 ** 24);
    expect(own).toEqual(native);
  });

  it("starts at any block", () => {
    const random = new Philox(7);
    for (let i = 0; i < 12; i++) random.next();
    expect(new Philox(7, 3).next()).toBe(random.next());
  });
});

describe("permutation", () => {
  it("has every number once, in an order that the seed and block decide", async () => {
    for (const count of [0, 1, 2, 1000, 70_000]) {
      const order = await permutation(count, 5);
      expect(Array.from(order).sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
      expect(await permutation(count, 5)).toEqual(order);
      expect(permutationSync(count, 5)).toEqual(order);
    }
    expect(await permutation(100, 5)).not.toEqual(await permutation(100, 6));
    expect(await permutation(100, 5)).not.toEqual(await permutation(100, 5, 1));
  });

  it("gives each order of three about as often", async () => {
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 6000; seed++) {
      const key = (await permutation(3, seed)).join();
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    // 1,000 expected, standard deviation 29: six of them.
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(175);
  });
});

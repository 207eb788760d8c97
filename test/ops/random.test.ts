import { describe, expect, test } from "vitest";
import { rand, randint, randn, setSeed, truncatedNormal } from "nabla";
import { seeds, shapes } from "../cases/random.js";
import { count } from "../reference/nd.js";
import { block, normal, truncatedDistribution, uniform, words } from "../reference/random.js";
import { expectClose } from "../support/check-op.js";

test("the reference is Philox4x32-10", () => {
  // The known answers that the paper's authors publish with their library.
  expect(block(0, 0)).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
});

describe.each(shapes)("shape [%s]", (...shape) => {
  const size = count(shape);

  test.each(seeds)("rand, seed %i", (seed) => {
    setSeed(seed);
    const got = rand(shape);
    expect(got.shape).toEqual(shape);
    expect(got.dtype).toBe("float32");
    expect(Array.from(got.dataSync())).toEqual(words(seed, 0, size).map(uniform));
  });

  test("randn", () => {
    setSeed(42);
    const drawn = words(42, 0, Math.ceil(size / 4) * 4);
    const wanted = drawn.flatMap((_, i) => (i % 2 === 0 ? normal(drawn.slice(i, i + 2)) : []));
    // Sine, cosine and logarithm of 24-bit numbers in float32, values up to 6.
    expectClose(randn(shape).dataSync(), wanted.slice(0, size), 2e-6, "deviates");
  });

  test("truncatedNormal", () => {
    setSeed(42);
    const got = truncatedNormal(shape, { dtype: "float64" }).dataSync();
    // An odd number of 2^-25: symmetric around one half.
    const wanted = words(42, 0, size).map((word) => (2 * word + 1) / 2 ** 25);
    // The polynomial is off by 4e-8, its float32 arithmetic by some 2e-7 of values up to 2.
    expectClose(Array.from(got, truncatedDistribution), wanted, 1e-6, "distribution");
    expect(got.every((value) => Math.abs(value) <= 2)).toBe(true);
  });
});

describe("options", () => {
  test("rand stays inside its bounds", () => {
    setSeed(3);
    const values = rand([50_000], { low: -2, high: 3 }).dataSync();
    expect(Math.min(...values)).toBeGreaterThanOrEqual(-2);
    expect(Math.max(...values)).toBeLessThan(3);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.033); // five deviations: 5 / sqrt(12) / sqrt(50000) * 5
  });
  test("randn has its mean and deviation", () => {
    setSeed(3);
    const values = randn([50_000], { mean: 10, deviation: 2, dtype: "float64" }).dataSync();
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    expect(Math.abs(mean - 10)).toBeLessThan(0.045); // five deviations: 5 * 2 / sqrt(50000)
    expect(Math.abs(variance - 4)).toBeLessThan(0.13); // five deviations: 5 * 4 * sqrt(2 / 50000)
  });
  test("randint gives every integer", () => {
    setSeed(3);
    const values = randint([1000], { low: -1, high: 3 });
    expect(values.dtype).toBe("int32");
    expect(new Set(values.dataSync())).toEqual(new Set([-1, 0, 1, 2]));
  });
  test("a leaf", () => expect(randn([2], { requiresGrad: true }).requiresGrad).toBe(true));
});

describe("setSeed", () => {
  test("repeats", () => {
    setSeed(9);
    const first = [rand([7]).dataSync(), randn([5]).dataSync()];
    setSeed(9);
    expect([rand([7]).dataSync(), randn([5]).dataSync()]).toEqual(first);
  });
  test("numbers go on where the last call stopped", () => {
    setSeed(9);
    const whole = rand([12]).dataSync();
    setSeed(9);
    expect([...rand([8]).dataSync(), ...rand([4]).dataSync()]).toEqual([...whole]);
  });
});

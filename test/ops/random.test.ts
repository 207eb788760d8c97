import { describe, expect, test } from "vitest";
import {
  ArgumentError,
  DTypeError,
  OutOfMemoryError,
  bernoulli,
  permutation,
  rand,
  randint,
  randn,
  setSeed,
  shuffle,
  tensor,
  truncatedNormal,
  type Tensor,
} from "nabla";
import { currentStream } from "../../src/ts/device.js";
import { seeds, shapes } from "../cases/random.js";
import { count } from "../reference/nd.js";
import { block, normal, permutation as order, truncatedDistribution, uniform, words } from "../reference/random.js";
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

describe.each(shapes)("bernoulli, shape [%s]", (...shape) => {
  test.each([0, 0.25, 0.3, 0.999, 1])("probability %d", (probability) => {
    setSeed(17);
    const got = bernoulli(shape, { probability });
    expect(got.shape).toEqual(shape);
    expect(got.dtype).toBe("float32");
    const wanted = words(17, 0, count(shape)).map((word) => Number(uniform(word) < probability));
    expect(Array.from(got.dataSync())).toEqual(wanted);
  });
});

describe("permutation", () => {
  test.each([0, 1, 2, 3, 4, 5, 17, 100, 1009])("of %i", (size) => {
    for (const seed of seeds) {
      setSeed(seed);
      const got = permutation(size);
      expect(got.shape).toEqual([size]);
      expect(got.dtype).toBe("int32");
      expect(Array.from(got.dataSync())).toEqual(order(seed, 0, size));
    }
  });
  test("of many, in part of the time slices too", () => {
    setSeed(5);
    const got = permutation(70_001).dataSync();
    expect(Array.from(got)).toEqual(order(5, 0, 70_001));
    expect(new Set(got).size).toBe(70_001);
  });
  test("of more than memory can hold, at once", () => {
    const stream = currentStream() as unknown as { memoryLimit: number };
    const limit = stream.memoryLimit;
    stream.memoryLimit = 4000;
    const message = "permutation: out of memory: 4004 bytes are needed, the limit is 4000";
    expect(() => permutation(1001)).toThrow(new OutOfMemoryError(message));
    expect(permutation(1000).shape).toEqual([1000]);
    stream.memoryLimit = limit;
  });
  test("each takes numbers of its own", () => {
    setSeed(5);
    expect(permutation(100).dataSync()).not.toEqual(permutation(100).dataSync());
    expect(Array.from(permutation(10).dataSync())).toEqual(order(5, 50, 10));
  });
  test("every number is about as often at every place", () => {
    setSeed(1);
    const counts = new Array<number>(25).fill(0);
    for (let i = 0; i < 5000; i++)
      permutation(5)
        .dataSync()
        .forEach((value, place) => counts[value * 5 + place]!++);
    // 1,000 expected, standard deviation 28: six of them.
    for (const seen of counts) expect(Math.abs(seen - 1000)).toBeLessThan(170);
  });
});

describe("shuffle", () => {
  const x = tensor(
    Float32Array.from({ length: 24 }, (_, i) => i),
    { shape: [4, 2, 3] },
  );

  test.each([0, 1, 2, -1, -3])("along axis %i", (axis) => {
    setSeed(11);
    const places = order(11, 0, x.shape.at(axis)!);
    setSeed(11);
    const got = x.shuffle({ axis });
    expect(got.shape).toEqual([4, 2, 3]);
    expect(got.toArraySync()).toEqual(x.gather(places, axis).toArraySync());
    expect(got.storage).not.toBe(x.storage);
  });
  test("axis 0 by default, and every dtype", () => {
    for (const dtype of ["float64", "int32", "uint8", "bool", "bfloat16", "float16"] as const) {
      setSeed(11);
      const got = shuffle(tensor([[1, 0], [0, 1], [1, 1]], { dtype })); // prettier-ignore
      expect(got.dtype).toBe(dtype);
      expect(Array.from(got.dataSync())).toEqual(order(11, 0, 3).flatMap((row) => [[1, 0], [0, 1], [1, 1]][row]!)); // prettier-ignore
    }
  });
  test("of strided, empty and single tensors", () => {
    setSeed(2);
    const got = x.transpose([2, 1, 0]).shuffle();
    expect(got.toArraySync()).toEqual(
      x
        .transpose([2, 1, 0])
        .gather(order(2, 0, 3), 0)
        .toArraySync(),
    );
    expect(shuffle(tensor([])).shape).toEqual([0]);
    expect(shuffle(tensor([[7]]), { axis: 1 }).toArraySync()).toEqual([[7]]);
  });
  test("the gradient goes back to where the slices came from, twice", () => {
    setSeed(3);
    const places = order(3, 0, 5);
    const leaf = tensor([1, 2, 3, 4, 5], { requiresGrad: true, dtype: "float64" });
    const weights = tensor([10, 20, 30, 40, 50], { dtype: "float64" });
    const y = shuffle(leaf);
    y.mul(y).mul(weights).sum().backward(undefined, { createGraph: true });
    const weightOf = (i: number): number => 10 * (places.indexOf(i) + 1);
    expect(leaf.grad!.toArraySync()).toEqual([1, 2, 3, 4, 5].map((value, i) => 2 * value * weightOf(i)));
    const gradient = leaf.grad!;
    leaf.grad = null;
    gradient.sum().backward();
    expect((leaf.grad as Tensor | null)!.toArraySync()).toEqual([0, 1, 2, 3, 4].map((i) => 2 * weightOf(i)));
  });
});

describe("what is wrong is said", () => {
  const call = <T>(f: T): ((...args: unknown[]) => unknown) => f as (...args: unknown[]) => unknown;
  test.each([
    [
      () => bernoulli([2], { probability: 1.5 }),
      ArgumentError,
      "bernoulli: not a probability: 1.5, expected a number from 0 to 1",
    ],
    [
      () => bernoulli([2], { probability: NaN }),
      ArgumentError,
      "bernoulli: not a probability: NaN, expected a number from 0 to 1",
    ],
    [
      () => call(bernoulli)([2], { probability: "0.5" }),
      ArgumentError,
      'bernoulli: not a probability: "0.5", expected a number from 0 to 1',
    ],
    [
      () => call(bernoulli)([2], { propability: 1 }),
      ArgumentError,
      'bernoulli: unknown option: "propability", did you mean "probability"?',
    ],
    [
      () => bernoulli([2], { dtype: "bool", requiresGrad: true }),
      DTypeError,
      "bernoulli: only float32 and float64 tensors can require gradients: the dtype is bool",
    ],
    [() => permutation(-1), ArgumentError, "permutation: count is out of range: -1, expected an integer of at least 0"],
    [
      () => permutation(2.5),
      ArgumentError,
      "permutation: count is out of range: 2.5, expected an integer of at least 0",
    ],
    [
      () => shuffle(tensor([1]), { axis: 1 }),
      ArgumentError,
      "shuffle: axis 1 does not exist: the tensor has 1 dimension",
    ],
    [() => shuffle(tensor(1)), ArgumentError, "shuffle: axis 0 does not exist: the tensor has 0 dimensions"],
    [() => call(shuffle)([1, 2]), ArgumentError, "shuffle: not a tensor: [1,2], expected a Tensor"],
    [
      () => call(rand)([1], null),
      ArgumentError,
      "rand: the options are not an object: null, expected { dtype, device, requiresGrad, low, high }",
    ],
    [
      () => call(truncatedNormal)([1], null),
      ArgumentError,
      "truncatedNormal: the options are not an object: null, expected { dtype, device, requiresGrad, mean, deviation }",
    ],
  ])("%#", (run, error, message) => {
    expect(run).toThrow(error);
    expect(run).toThrow(message);
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
  test("rand has the variance of equally likely numbers", () => {
    setSeed(3);
    const values = rand([50_000], { dtype: "float64" }).dataSync();
    const variance = values.reduce((sum, value) => sum + (value - 0.5) ** 2, 0) / values.length;
    // The fourth moment of (x - 1/2) is 1/80: five deviations are 5 * sqrt((1/80 - 1/144) / 50000).
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(0.0017);
  });
  test("truncatedNormal has the variance of what is left", () => {
    setSeed(3);
    const values = truncatedNormal([50_000], { dtype: "float64" }).dataSync();
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
    // 1 - 4 f(2) / (2 F(2) - 1) = 0.7737, with the density f and the distribution F of the normal.
    expect(Math.abs(mean)).toBeLessThan(0.02); // five deviations: 5 * sqrt(0.7737 / 50000)
    expect(Math.abs(variance - 0.7737)).toBeLessThan(0.02); // x^2 <= 4 has a deviation below 0.9: 5 * 0.9 / sqrt(50000)
  });
  test("bernoulli has its probability, in every dtype", () => {
    for (const dtype of ["float32", "float64", "int32", "uint8", "bool", "bfloat16", "float16"] as const) {
      setSeed(3);
      const made = bernoulli([50_000], { probability: 0.2, dtype });
      expect(made.dtype).toBe(dtype);
      const ones = Array.from(made.dataSync()).reduce((sum, value) => sum + value, 0);
      expect(Math.abs(ones / 50_000 - 0.2)).toBeLessThan(0.009); // five deviations: 5 * sqrt(0.16 / 50000)
    }
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
    const counts = [-1, 0, 1, 2].map((value) => values.dataSync().filter((drawn) => drawn === value).length);
    // 250 expected, standard deviation 14: five of them.
    for (const seen of counts) expect(Math.abs(seen - 250)).toBeLessThan(70);
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
  test("repeats bernoulli, permutation and shuffle", () => {
    const draw = (): number[] => [bernoulli([9]), permutation(9), shuffle(tensor([1, 2, 3, 4]))].flatMap((made) => Array.from(made.dataSync())); // prettier-ignore
    setSeed(9);
    const first = draw();
    expect(draw()).not.toEqual(first);
    setSeed(9);
    expect(draw()).toEqual(first);
  });
  test("numbers go on where the last call stopped", () => {
    setSeed(9);
    const whole = rand([12]).dataSync();
    setSeed(9);
    expect([...rand([8]).dataSync(), ...rand([4]).dataSync()]).toEqual([...whole]);
  });
});

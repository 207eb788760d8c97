import { describe, expect, it } from "vitest";
import { ArgumentError, initializers, setSeed, type Tensor } from "nabla";

const { Constant, RandomNormal, RandomUniform, TruncatedNormal, VarianceScaling } = initializers;

function moments(values: ArrayLike<number>): { mean: number; deviation: number; least: number; most: number } {
  const list = Array.from(values);
  const mean = list.reduce((a, b) => a + b, 0) / list.length;
  const deviation = Math.sqrt(list.reduce((sum, x) => sum + (x - mean) ** 2, 0) / list.length);
  const extreme = (pick: (a: number, b: number) => number): number => list.reduce((a, b) => pick(a, b));
  return { mean, deviation, least: extreme(Math.min), most: extreme(Math.max) };
}

describe("constants", () => {
  it("fill the weight", () => {
    expect(new initializers.Zeros().call([2], "float32").toArraySync()).toEqual([0, 0]);
    expect(new initializers.Ones().call([2], "float64").dtype).toBe("float64");
    expect(new Constant({ value: 2.5 }).call([2], "float32").toArraySync()).toEqual([2.5, 2.5]);
  });
});

/** 3 x 3 windows of 20 channels into 40: fans 180 and 360. */
const SHAPE = [3, 3, 20, 40];

describe("random values", () => {
  const uniform = (variance: number): { deviation: number; bound: number } => ({
    deviation: Math.sqrt(variance),
    bound: Math.sqrt(3 * variance),
  });
  // Cut off at two deviations of the normal distribution, of which 0.8796 is left.
  const truncated = (deviation: number): { deviation: number; bound: number } => ({
    deviation,
    bound: (2 * deviation) / 0.87962566103423978,
  });
  it.each([
    ["GlorotUniform", new initializers.GlorotUniform(), uniform(1 / 270)],
    ["HeUniform", new initializers.HeUniform(), uniform(2 / 180)],
    ["LecunUniform", new initializers.LecunUniform(), uniform(1 / 180)],
    ["GlorotNormal", new initializers.GlorotNormal(), truncated(Math.sqrt(1 / 270))],
    ["HeNormal", new initializers.HeNormal(), truncated(Math.sqrt(2 / 180))],
    ["LecunNormal", new initializers.LecunNormal(), truncated(Math.sqrt(1 / 180))],
    ["VarianceScaling", new VarianceScaling({ scale: 3, mode: "fanOut", distribution: "uniform" }), uniform(3 / 360)],
    [
      "VarianceScaling, untruncated",
      new VarianceScaling({ distribution: "untruncatedNormal" }),
      { deviation: Math.sqrt(1 / 180), bound: 1 },
    ],
    ["RandomUniform", new RandomUniform({ minval: -2, maxval: 2 }), { deviation: 4 / Math.sqrt(12), bound: 2 }],
    ["RandomNormal", new RandomNormal({ stddev: 0.1 }), { deviation: 0.1, bound: 1 }],
    ["TruncatedNormal", new TruncatedNormal({ stddev: 0.1 }), { deviation: 0.1 * 0.87962566103423978, bound: 0.2 }],
  ])("%s has its spread and bounds", (_, initializer, { deviation, bound }) => {
    setSeed(11);
    const made: Tensor = initializer.call(SHAPE, "float32");
    expect(made.shape).toEqual(SHAPE);
    const found = moments(made.dataSync());
    // 7,200 values: the mean's and the deviation's standard errors are about 1 %; 5 % is five of them.
    expect(Math.abs(found.mean)).toBeLessThan(0.05 * deviation);
    expect(Math.abs(found.deviation / deviation - 1)).toBeLessThan(0.05);
    expect(found.least).toBeGreaterThanOrEqual(-bound * (1 + 1e-6));
    expect(found.most).toBeLessThanOrEqual(bound * (1 + 1e-6));
  });

  it("are shifted by the mean", () => {
    setSeed(12);
    const found = moments(new RandomNormal({ mean: 3, stddev: 0.1 }).call([10000], "float32").dataSync());
    expect(Math.abs(found.mean - 3)).toBeLessThan(0.01);
  });

  it("repeat with the seed", () => {
    const draw = (): unknown => {
      setSeed(13);
      return new initializers.GlorotUniform().call([5, 5], "float32").dataSync();
    };
    expect(draw()).toEqual(draw());
  });

  it("count a vector's elements as its connections", () => {
    const bound = Math.sqrt(3 / 50);
    const found = moments(new initializers.GlorotUniform().call([50], "float32").dataSync());
    expect(Math.max(-found.least, found.most)).toBeLessThanOrEqual(bound * (1 + 1e-6));
    expect(Math.max(-found.least, found.most)).toBeGreaterThan(bound / 2);
  });
});

describe("options", () => {
  it.each([
    [() => new Constant({ value: NaN }), "Constant: value is wrong: NaN, expected a finite number"],
    [
      () => new RandomUniform({ minval: 1, maxval: 0 }),
      "RandomUniform: maxval is wrong: 0, expected a number of 1 or more",
    ],
    [() => new RandomNormal({ stddev: -1 }), "RandomNormal: stddev is wrong: -1, expected a number of 0 or more"],
    [
      () => new TruncatedNormal({ std: 1 } as never),
      'TruncatedNormal: unknown option: "std", expected one of mean, stddev',
    ],
    [() => new VarianceScaling({ scale: 0 }), "VarianceScaling: scale is wrong: 0, expected a number above 0"],
    [
      () => new VarianceScaling({ mode: "fan_in" as never }),
      'VarianceScaling: unknown mode: "fan_in", did you mean "fanIn"?',
    ],
  ])("%# are checked", (make, message) => {
    expect(make).toThrow(ArgumentError);
    expect(make).toThrow(message);
  });
});

import { describe, expect, it } from "vitest";
import { layers, ones, randn, setSeed, tensor, zeros, memory } from "nabla";

const { Activation, Conv2D, Dense, Dropout, Flatten, InputLayer, MaxPooling2D } = layers;

const cases: [string, () => layers.Layer, number[]][] = [
  ["Dense", () => new Dense({ units: 3 }), [2, 5]],
  ["Dense, one unit", () => new Dense({ units: 1, useBias: false }), [1, 1]],
  ["Dense on sequences", () => new Dense({ units: 3, activation: "softmax" }), [2, 4, 5]],
  ["Dense on four axes", () => new Dense({ units: 2, activation: "relu" }), [2, 3, 4, 5]],
  ["Conv2D", () => new Conv2D({ filters: 4, kernelSize: 3 }), [2, 7, 8, 3]],
  ["Conv2D, same", () => new Conv2D({ filters: 4, kernelSize: 3, padding: "same" }), [2, 7, 8, 3]],
  ["Conv2D, strides", () => new Conv2D({ filters: 2, kernelSize: [3, 2], strides: [2, 3] }), [1, 11, 10, 1]],
  [
    "Conv2D, same, strides",
    () => new Conv2D({ filters: 2, kernelSize: 5, strides: 3, padding: "same" }),
    [1, 11, 10, 2],
  ],
  [
    "Conv2D, padding",
    () =>
      new Conv2D({
        filters: 2,
        kernelSize: 3,
        padding: [
          [1, 0],
          [2, 3],
        ],
      }),
    [1, 5, 5, 2],
  ],
  ["Conv2D, dilation", () => new Conv2D({ filters: 2, kernelSize: 3, dilationRate: 2 }), [1, 9, 8, 2]],
  [
    "Conv2D, channels first",
    () => new Conv2D({ filters: 5, kernelSize: 3, dataFormat: "channelsFirst" }),
    [2, 3, 7, 8],
  ],
  ["Conv2D, 1 x 1 image", () => new Conv2D({ filters: 2, kernelSize: 1 }), [1, 1, 1, 1]],
  ["Conv2D, sigmoid", () => new Conv2D({ filters: 2, kernelSize: 2, activation: "sigmoid" }), [1, 3, 3, 1]],
  ["MaxPooling2D", () => new MaxPooling2D(), [2, 7, 8, 3]],
  ["MaxPooling2D, overlapping", () => new MaxPooling2D({ poolSize: 3, strides: 1 }), [1, 5, 6, 2]],
  ["MaxPooling2D, same", () => new MaxPooling2D({ poolSize: [2, 3], padding: "same" }), [1, 5, 7, 2]],
  ["MaxPooling2D, channels first", () => new MaxPooling2D({ dataFormat: "channelsFirst" }), [2, 3, 7, 8]],
  ["Flatten", () => new Flatten(), [2, 3, 4, 5]],
  ["Flatten of flat samples", () => new Flatten(), [3, 4]],
  ["Flatten of single numbers", () => new Flatten(), [3]],
  ["Dropout", () => new Dropout({ rate: 0.5 }), [2, 3]],
  ["Activation", () => new Activation({ activation: "tanh" }), [2, 3, 4]],
  ["InputLayer", () => new InputLayer({ shape: [3] }), [2, 3]],
];

describe("computeOutputShape", () => {
  it.each(cases)("%s agrees with a call", (_, make, shape) => {
    const layer = make();
    const [, ...sample] = shape;
    const expected = layer.apply(ones(shape)).shape;
    expect(layer.computeOutputShape(shape)).toEqual(expected);
    expect(layer.computeOutputShape([null, ...sample])).toEqual([null, ...expected.slice(1)]);
    expect(layer.apply(ones(shape), { training: true }).shape).toEqual(expected);
  });

  it("passes on sizes that are not known, and runs no kernel", () => {
    const before = memory().tensors;
    const conv = new Conv2D({ filters: 4, kernelSize: 3, strides: 2 });
    expect(conv.computeOutputShape([null, null, 9, 3])).toEqual([null, null, 4, 4]);
    const pool = new MaxPooling2D({ dataFormat: "channelsFirst" });
    expect(pool.computeOutputShape([null, 3, 8, null])).toEqual([null, 3, 4, null]);
    expect(new Flatten().computeOutputShape([null, null, 3])).toEqual([null, null]);
    expect(memory().tensors).toBe(before);
  });

  it("refuses an image that is smaller than the window", () => {
    const conv = new Conv2D({ filters: 1, kernelSize: 3, name: "small" });
    expect(() => conv.computeOutputShape([null, 2, 9, 1])).toThrow("small: the window is larger than the image");
  });
});

describe("values", () => {
  it("Dense is a product, a bias and an activation", () => {
    const dense = new Dense({ units: 2, activation: "relu", biasInitializer: () => ones([2]) });
    setSeed(1);
    const x = randn([3, 4]);
    const y = dense.apply(x).toArraySync() as number[][];
    const [a, w] = [x, dense.kernel!].map((t) => t.toArraySync() as number[][]) as [number[][], number[][]];
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 2; j++) {
        const sum = a[i]!.reduce((total, value, k) => total + value * w[k]![j]!, 1);
        // Five float32 roundings of numbers around 1.
        expect(y[i]![j]).toBeCloseTo(Math.max(0, sum), 5);
      }
    }
  });

  it("Dropout passes its input on, but zeroes and scales while training", () => {
    const dropout = new Dropout({ rate: 0.25 });
    const x = ones([100, 100]);
    expect(dropout.apply(x)).toBe(x);
    setSeed(3);
    const values = dropout.apply(x, { training: true }).dataSync();
    const kept = values.filter((value) => value !== 0);
    expect(new Set(kept)).toEqual(new Set([Math.fround(1 / 0.75)]));
    // Ten standard deviations of a binomial distribution with n = 10,000 and p = 0.75.
    expect(Math.abs(kept.length - 7500)).toBeLessThan(434);
  });

  it.each([
    ["linear", [-1, 0, 2]],
    ["relu", [0, 0, 2]],
    ["sigmoid", [-1, 0, 2].map((x) => 1 / (1 + Math.exp(-x)))],
    ["tanh", [-1, 0, 2].map(Math.tanh)],
    ["exponential", [-1, 0, 2].map(Math.exp)],
    ["softmax", softmax([-1, 0, 2])],
    ["logSoftmax", softmax([-1, 0, 2]).map(Math.log)],
    // Keras' defaults: negativeSlope 0.2, alpha 1, exact gelu.
    ["leakyRelu", [-0.2, 0, 2]],
    ["elu", [Math.expm1(-1), 0, 2]],
    ["selu", [-1.1113307, 0, 2.101402]],
    ["silu", [-0.26894142, 0, 1.7615942]],
    ["gelu", [-0.15865525, 0, 1.9544997]],
    ["softplus", [-1, 0, 2].map((x) => Math.log1p(Math.exp(x)))],
  ] as const)("Activation %s, alone and in Dense", (activation, expected) => {
    const row = tensor([[-1, 0, 2]]);
    const dense = new Dense({ units: 3, activation, biasInitializer: () => row.flatten() });
    const results = [new Activation({ activation }).apply(row), dense.apply(zeros([1, 2]))];
    for (const result of results) {
      result.dataSync().forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 6));
    }
  });

  it("an activation may be a function", () => {
    const dense = new Dense({ units: 3, activation: (x) => x.square(), biasInitializer: () => tensor([-1, 0, 2]) });
    expect(dense.apply(zeros([1, 2])).toArraySync()).toEqual([[1, 0, 4]]);
    const wrong = new Activation({ name: "wrong", activation: (() => 3) as never });
    expect(() => wrong.apply(ones([1]))).toThrow("wrong: not a tensor: 3, expected a Tensor");
  });
});

function softmax(x: number[]): number[] {
  const total = x.reduce((sum, value) => sum + Math.exp(value), 0);
  return x.map((value) => Math.exp(value) / total);
}

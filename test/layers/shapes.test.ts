import { describe, expect, it } from "vitest";
import { layers, ones, randn, setSeed, tensor, zeros, memory } from "nabla";

const { Activation, AveragePooling2D, Conv2D, Dense, Dropout, Flatten, GlobalAveragePooling2D, GlobalMaxPooling2D } =
  layers;
const { InputLayer, MaxPooling2D, Permute, RepeatVector, Reshape, UpSampling2D, ZeroPadding2D } = layers;

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
  ["AveragePooling2D", () => new AveragePooling2D(), [2, 7, 8, 3]],
  ["AveragePooling2D, same", () => new AveragePooling2D({ poolSize: [2, 3], padding: "same" }), [1, 5, 7, 2]],
  ["GlobalAveragePooling2D", () => new GlobalAveragePooling2D(), [2, 7, 8, 3]],
  ["GlobalMaxPooling2D", () => new GlobalMaxPooling2D({ keepDims: true }), [2, 7, 8, 3]],
  ["GlobalMaxPooling2D, channels first", () => new GlobalMaxPooling2D({ dataFormat: "channelsFirst" }), [2, 3, 7, 8]],
  ["ZeroPadding2D", () => new ZeroPadding2D(), [2, 7, 8, 3]],
  [
    "ZeroPadding2D, channels first",
    () => new ZeroPadding2D({ padding: [1, 2], dataFormat: "channelsFirst" }),
    [2, 3, 5, 4],
  ],
  ["UpSampling2D", () => new UpSampling2D({ size: [2, 3] }), [2, 3, 4, 5]],
  ["UpSampling2D, channels first", () => new UpSampling2D({ dataFormat: "channelsFirst" }), [2, 3, 5, 4]],
  ["Reshape", () => new Reshape({ targetShape: [5, 4, 3] }), [2, 3, 4, 5]],
  ["Reshape, an open size", () => new Reshape({ targetShape: [6, -1] }), [2, 3, 4, 5]],
  ["Reshape of single numbers", () => new Reshape({ targetShape: [1] }), [3]],
  ["Permute", () => new Permute({ dims: [3, 1, 2] }), [2, 3, 4, 5]],
  ["RepeatVector", () => new RepeatVector({ n: 4 }), [2, 3]],
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
    expect(new ZeroPadding2D().computeOutputShape([null, null, 4, 3])).toEqual([null, null, 6, 3]);
    expect(new UpSampling2D().computeOutputShape([null, 4, null, 3])).toEqual([null, 8, null, 3]);
    expect(new Reshape({ targetShape: [3, -1] }).computeOutputShape([null, null, 3])).toEqual([null, 3, null]);
    expect(new GlobalMaxPooling2D({ keepDims: true }).computeOutputShape([null, null, 4, 3])).toEqual([null, 1, 1, 3]);
    expect(memory().tensors).toBe(before);
  });

  it("refuses an image that is smaller than the window", () => {
    const conv = new Conv2D({ filters: 1, kernelSize: 3, name: "small" });
    expect(() => conv.computeOutputShape([null, 2, 9, 1])).toThrow("small: the window is larger than the image");
  });

  it("refuses elements that do not fit the target", () => {
    const whole = new Reshape({ targetShape: [2, 3], name: "whole" });
    expect(() => whole.apply(ones([4, 5]))).toThrow(
      "whole: the elements do not fit: a sample of [5] has 5, expected 6 for [2,3]",
    );
    const open = new Reshape({ targetShape: [2, -1], name: "open" });
    expect(() => open.computeOutputShape([null, 5])).toThrow(
      "open: the elements do not fit: a sample of [5] has 5, expected a multiple of 2 for [2,-1]",
    );
  });

  it.each([
    [
      () => new Reshape({ targetShape: [-1, -1], name: "r" }),
      "r: targetShape is wrong: [-1,-1], expected positive integers, of which one may be -1",
    ],
    [() => new Reshape({ targetShape: [0], name: "r" }), "r: targetShape is wrong: [0], expected positive integers"],
    [() => new Permute({ dims: [0, 1], name: "p" }), "p: dims is wrong: [0,1], expected each axis from 1 on once"],
    [() => new Permute({ dims: [1, 1], name: "p" }), "p: dims is wrong: [1,1], expected each axis from 1 on once"],
    [() => new RepeatVector({ n: 0, name: "v" }), "v: n is wrong: 0, expected a positive integer"],
    [() => new ZeroPadding2D({ padding: -1, name: "z" }), "z: padding is wrong: -1, expected pixels"],
    [
      () =>
        new ZeroPadding2D({
          padding: [
            [1, 2, 3],
            [1, 1],
          ] as never,
          name: "z",
        }),
      "z: padding is wrong: [[1,2,3],[1,1]], expected pixels",
    ],
    [() => new UpSampling2D({ size: 0, name: "u" }), "u: size is out of range: 0, expected a positive integer or two"],
    [() => new UpSampling2D({ interpolation: "cubic" as never, name: "u" }), "u: unknown interpolation"],
    [() => new GlobalAveragePooling2D({ keepDims: 1 as never, name: "g" }), "g: keepDims is wrong: 1"],
  ])("refuses wrong options: %#", (make, message) => {
    expect(make).toThrow(message);
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

  // Keras 3.15 gives the same numbers.
  it("layers of images take and give pixels as computed by hand", () => {
    const x = tensor(Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9]), { shape: [1, 3, 3, 1] });
    const rows = (layer: layers.Layer): unknown => layer.apply(x).squeeze().toArraySync();
    expect(rows(new AveragePooling2D())).toEqual(3);
    // At the far edges a window has fewer pixels.
    expect(rows(new AveragePooling2D({ padding: "same" }))).toEqual([
      [3, 4.5],
      [7.5, 9],
    ]);
    expect(rows(new GlobalAveragePooling2D())).toEqual(5);
    expect(rows(new GlobalMaxPooling2D())).toEqual(9);
    const padding: [[number, number], [number, number]] = [
      [1, 0],
      [0, 2],
    ];
    expect(rows(new ZeroPadding2D({ padding }))).toEqual([
      [0, 0, 0, 0, 0],
      [1, 2, 3, 0, 0],
      [4, 5, 6, 0, 0],
      [7, 8, 9, 0, 0],
    ]);
    expect(rows(new UpSampling2D({ size: [1, 2] }))).toEqual([
      [1, 1, 2, 2, 3, 3],
      [4, 4, 5, 5, 6, 6],
      [7, 7, 8, 8, 9, 9],
    ]);
    const between = new UpSampling2D({ size: [1, 2], interpolation: "bilinear" });
    expect((rows(between) as number[][])[0]).toEqual([1, 1.25, 1.75, 2.25, 2.75, 3]);
  });

  it("Reshape, Permute and RepeatVector move no element out of its sample", () => {
    const x = tensor([
      [1, 2, 3, 4],
      [5, 6, 7, 8],
    ]);
    const square = new Reshape({ targetShape: [-1, 2] }).apply(x);
    expect(new Permute({ dims: [2, 1] }).apply(square).toArraySync()).toEqual([
      [
        [1, 3],
        [2, 4],
      ],
      [
        [5, 7],
        [6, 8],
      ],
    ]);
    expect(new RepeatVector({ n: 2 }).apply(x.index(null, [0, 2])).toArraySync()).toEqual([
      [
        [1, 2],
        [1, 2],
      ],
      [
        [5, 6],
        [5, 6],
      ],
    ]);
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

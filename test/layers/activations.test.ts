import { describe, expect, it } from "vitest";
import { ArgumentError, layers, losses, memory, ones, randn, setSeed, tensor, zeros, type Tensor } from "nabla";
import { logitsOf } from "../../src/ts/activations.js";
import { leftOfCalls } from "../support/leaks.js";
import { SLOPE_TOLERANCE, largestSlopeError } from "../support/slopes.js";

const { ELU, LeakyReLU, PReLU, ReLU, Softmax } = layers;
const dtype = "float64";

const cases: [string, (options: layers.LayerOptions) => layers.Layer][] = [
  ["ReLU", (options) => new ReLU(options)],
  ["ReLU, bounded", (options) => new ReLU({ ...options, maxValue: 0.5 })],
  ["ReLU, all options", (options) => new ReLU({ ...options, maxValue: 1, negativeSlope: 0.25, threshold: 0.5 })],
  ["ReLU, threshold", (options) => new ReLU({ ...options, threshold: 0.5 })],
  ["LeakyReLU", (options) => new LeakyReLU(options)],
  ["ELU", (options) => new ELU({ ...options, alpha: 0.7 })],
  ["Softmax", (options) => new Softmax(options)],
  ["Softmax along axis 1", (options) => new Softmax({ ...options, axis: 1 })],
  ["Softmax along two axes", (options) => new Softmax({ ...options, axis: [1, -1] })],
  ["PReLU", (options) => new PReLU({ ...options, alphaInitializer: "randomNormal" })],
  ["PReLU, shared", (options) => new PReLU({ ...options, alphaInitializer: "ones", sharedAxes: [1] })],
];

describe("activation layers", () => {
  it.each(cases)("%s keeps the shape, known or not, and the mask", (_, make) => {
    const layer = make({});
    const x = randn([2, 3, 4]);
    expect(layer.apply(x).shape).toEqual([2, 3, 4]);
    expect(layer.computeOutputShape([null, null, 4])).toEqual([null, null, 4]);
    const mask = tensor([
      [true, true, false],
      [true, false, false],
    ]);
    expect(layer.computeMask(x, mask)).toBe(mask);
  });

  it.each(cases)("%s has gradients that agree with finite differences", (_, make) => {
    setSeed(11);
    const layer = make({ dtype });
    const x = randn([2, 3, 4], { dtype, requiresGrad: true });
    layer.build(x.shape);
    const weights = randn([2, 3, 4], { dtype });
    const loss = (): Tensor => layer.apply(x).mul(weights).sum();
    expect(largestSlopeError([x, ...layer.weights], loss)).toBeLessThanOrEqual(SLOPE_TOLERANCE);
  });

  it.each(cases)("%s leaves nothing behind but its result", (_, make) => {
    expect(leftOfCalls(make({}), randn([2, 3, 4], { requiresGrad: true }))).toEqual({ call: 0, step: 0 });
  });

  it("pass NaN on, and bound infinities", () => {
    const x = tensor([NaN, -Infinity, Infinity]);
    expect(new ReLU({ threshold: 1 }).apply(x).toArraySync()).toEqual([NaN, 0, Infinity]);
    expect(new ReLU({ maxValue: 6 }).apply(x).toArraySync()).toEqual([NaN, 0, 6]);
    expect(new ReLU({ threshold: 1, negativeSlope: 0.5 }).apply(x).toArraySync()).toEqual([NaN, -Infinity, Infinity]);
  });
});

describe("Softmax", () => {
  it("keeps the logits for the losses, along the last axis only", () => {
    const x = randn([2, 3]);
    expect(logitsOf(new Softmax().apply(x), "softmax")).toBe(x);
    expect(logitsOf(new Softmax({ axis: 1 }).apply(x), "softmax")).toBe(x);
    expect(logitsOf(new Softmax({ axis: 0 }).apply(x), "softmax")).toBeUndefined();
    expect(logitsOf(new Softmax({ axis: [0, 1] }).apply(x), "softmax")).toBeUndefined();
    // The probability of the label rounds to 0.
    const y = new Softmax().apply(tensor([[0, 200]]));
    const loss = new losses.SparseCategoricalCrossentropy();
    expect(loss.apply(tensor(Int32Array.of(0)), y).itemSync()).toBeCloseTo(200, 4);
  });

  it("leaves out steps that do not count, where it is taken over time", () => {
    const mask = tensor([
      [true, false, true],
      [false, false, false],
    ]);
    const x = tensor(
      [
        [0, 9, 0],
        [1, 2, 3],
      ],
      { requiresGrad: true },
    );
    const y = new Softmax().apply(x, { mask });
    expect(y.toArraySync()).toEqual([
      [0.5, 0, 0.5],
      [0, 0, 0],
    ]);
    y.mul(tensor([1, 2, 3]))
      .sum()
      .backward();
    expect(x.grad!.toArraySync()).toEqual([
      [-0.5, 0, 0.5],
      [0, 0, 0],
    ]);
    const sequences = x.detach().expandDims(-1);
    expect(new Softmax({ axis: 1 }).apply(sequences, { mask }).squeeze().toArraySync()).toEqual(y.toArraySync());
    expect(new Softmax().apply(sequences, { mask }).toArraySync()).toEqual(ones([2, 3, 1]).toArraySync());
    const leaf = randn([2, 3], { requiresGrad: true });
    expect(leftOfCalls(new Softmax(), leaf, { mask })).toEqual({ call: 0, step: 0 });
  });
});

describe("PReLU", () => {
  it("has a slope for each place, or shares them", () => {
    const own = new PReLU();
    own.build([null, 2, 3]);
    expect(own.alpha!.shape).toEqual([2, 3]);
    const shared = new PReLU({ sharedAxes: [1, 2], alphaInitializer: "ones" });
    const x = tensor([
      [
        [
          [1, -2],
          [3, -4],
        ],
      ],
    ]);
    expect(shared.apply(x).toArraySync()).toEqual(x.toArraySync());
    expect(shared.alpha!.shape).toEqual([1, 1, 2]);
    expect(new PReLU({ sharedAxes: 1 }).apply(zeros([1, 5, 2])).shape).toEqual([1, 5, 2]);
    // Along a shared axis, images of another size do as well.
    expect(shared.apply(zeros([1, 7, 3, 2])).shape).toEqual([1, 7, 3, 2]);
    expect(() => shared.apply(zeros([1, 7, 3, 4]))).toThrow("expected [*,*,*,2]");
    expect(shared.computeOutputShape([null, null, null, 2])).toEqual([null, null, null, 2]);
  });

  it("must know the sizes of its slopes", () => {
    const layer = new PReLU({ name: "p", sharedAxes: [1] });
    expect(() => layer.build([null, 3, null])).toThrow("p: axis 2 of the input must be known to build the weights");
    layer.build([null, null, 4]);
    expect(layer.alpha!.shape).toEqual([1, 4]);
    expect(() => new PReLU({ name: "p", sharedAxes: [3] }).build([null, 3, 4])).toThrow("p: axis 3 does not exist");
  });
});

describe("wrong options of activation layers", () => {
  it.each([
    [() => new ReLU({ name: "r", maxValue: -1 }), "r: maxValue is wrong: -1, expected a number of 0 or more"],
    [
      () => new ReLU({ name: "r", negativeSlope: NaN }),
      "r: negativeSlope is wrong: NaN, expected a number of 0 or more",
    ],
    [
      () => new ReLU({ name: "r", threshold: "1" as never }),
      'r: threshold is wrong: "1", expected a number of 0 or more',
    ],
    [() => new LeakyReLU({ name: "r", negativeSlope: -0.1 }), "r: negativeSlope is wrong: -0.1, expected a number"],
    [() => new ELU({ name: "r", alpha: Infinity }), "r: alpha is wrong: Infinity, expected a finite number"],
    [() => new Softmax({ name: "r", axis: [] }), "r: axis is wrong: [], expected an integer or a list of integers"],
    [() => new Softmax({ name: "r", axis: [1, -1] }).apply(zeros([2, 2])), "r: axis 1 is named twice"],
    [() => new PReLU({ name: "r", sharedAxes: [0] }), "r: sharedAxes is wrong: [0], expected axes from 1 on"],
    [() => new PReLU({ name: "r", sharedAxes: "1" as never }), 'r: sharedAxes is wrong: "1", expected axes from 1 on'],
    [() => new LeakyReLU({ alpha: 0.1 } as never), 'LeakyReLU: unknown option: "alpha"'],
  ])("%#", (make, message) => {
    expect(make).toThrow(message);
    expect(make).toThrow(ArgumentError);
  });

  it("an axis that the input does not have", () => {
    const before = memory().tensors;
    expect(() => new Softmax({ name: "r", axis: 2 }).apply(zeros([2, 2]))).toThrow(
      "r: the input does not fit: its shape is [2,2], expected […,*,*,*]",
    );
    expect(memory().tensors).toBeLessThanOrEqual(before + 1);
  });
});

import { describe, expect, it } from "vitest";
import { NablaError, layers, randn, setSeed, tensor, zeros, type Tensor } from "nabla";
import { leftOfCalls } from "../support/leaks.js";
import { SLOPE_TOLERANCE, largestSlopeError } from "../support/slopes.js";

const { GroupNormalization, LayerNormalization } = layers;

describe("GroupNormalization", () => {
  it("of one group is layer normalization of all of a sample's elements", () => {
    setSeed(1);
    const x = randn([2, 3, 5, 4]);
    const y = new GroupNormalization({ groups: 1 }).apply(x).dataSync();
    const expected = new LayerNormalization({ axis: [1, 2, 3] }).apply(x).dataSync();
    // Some roundings of numbers around 1.
    y.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5));
  });

  it("of one channel a group has mean 0 and variance 1 in each", () => {
    setSeed(2);
    const layer = new GroupNormalization({ groups: -1, axis: 1, epsilon: 0, dtype: "float64" });
    const y = layer.apply(randn([2, 3, 7], { dtype: "float64" }));
    for (const mean of y.mean({ axis: -1 }).dataSync()) expect(mean).toBeCloseTo(0, 12);
    for (const variance of y.variance({ axis: -1 }).dataSync()) expect(variance).toBeCloseTo(1, 12);
    expect(layer.groups).toBe(-1);
  });

  it("keeps the shape and the mask", () => {
    const layer = new GroupNormalization({ groups: 2 });
    expect(layer.computeOutputShape([null, null, 4])).toEqual([null, null, 4]);
    const mask = tensor([[true, false]]);
    expect(layer.computeMask(zeros([1, 2, 4]), mask)).toBe(mask);
    expect(layer.apply(zeros([1, 2, 4]), { mask }).shape).toEqual([1, 2, 4]);
    expect(layer.trainableWeights).toEqual([layer.gamma, layer.beta]);
    const bare = new GroupNormalization({ groups: 2, center: false, scale: false });
    bare.build([null, 4]);
    expect(bare.weights).toEqual([]);
  });

  it.each([
    [-1, [2, 3, 4]],
    [1, [2, 4, 2, 3]],
    [-2, [1, 4, 3]],
  ])("has gradients that agree with finite differences, along axis %i", (axis, shape) => {
    setSeed(3);
    const dtype = "float64";
    const layer = new GroupNormalization({ groups: 2, axis, dtype, gammaInitializer: "randomNormal" });
    const x = randn(shape, { dtype, requiresGrad: true });
    layer.build(x.shape);
    const loss = (): Tensor => layer.apply(x).mul(x.sin()).sum();
    expect(largestSlopeError([x, layer.gamma!, layer.beta!], loss)).toBeLessThanOrEqual(SLOPE_TOLERANCE);
  });

  it("leaves nothing behind but its result", () => {
    expect(leftOfCalls(new GroupNormalization({ groups: 2 }), randn([2, 3, 4], { requiresGrad: true }))).toEqual({
      call: 0,
      step: 0,
    });
  });

  it.each([
    [
      () => new GroupNormalization({ name: "g", groups: 0 }),
      "g: groups is wrong: 0, expected a positive integer, or -1",
    ],
    [() => new GroupNormalization({ name: "g", groups: -2 }), "g: groups is wrong: -2"],
    [() => new GroupNormalization({ name: "g", axis: 0.5 }), "g: axis is out of range: 0.5"],
    [() => new GroupNormalization({ name: "g", epsilon: -1 }), "g: epsilon is wrong: -1"],
    [
      () => new GroupNormalization({ name: "g" }).build([null, 48]),
      "g: the groups do not divide the channels: there are 32 groups and 48 channels",
    ],
    [
      () => new GroupNormalization({ name: "g", axis: 0 }).build([null, 4]),
      "g: axis 0 is that of the batch: expected one of the channels",
    ],
    [() => new GroupNormalization({ name: "g", axis: 2 }).build([null, 4]), "g: axis 2 does not exist"],
    [() => new GroupNormalization({ name: "g" }).build([null, null]), "g: axis 1 of the input must be known"],
    [
      () => new GroupNormalization({ name: "g" }).apply(zeros([4])),
      "g: the input does not fit: its shape is [4], expected […,*,*]",
    ],
  ])("refuses wrong options and inputs: %#", (call, message) => {
    expect(call).toThrow(message);
    expect(call).toThrow(NablaError);
  });

  it("refuses other channels than it was built for", () => {
    const layer = new GroupNormalization({ name: "g", groups: 1 });
    layer.build([null, 5, 3]);
    expect(() => layer.apply(zeros([1, 5, 4]))).toThrow(
      "g: the input does not fit: its shape is [1,5,4], expected [*,*,3]",
    );
  });
});

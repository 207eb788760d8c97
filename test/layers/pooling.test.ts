import { describe, expect, it } from "vitest";
import { NablaError, layers, memory, ones, randn, setSeed, tensor, zeros, type Tensor } from "nabla";
import { leftOfCalls } from "../support/leaks.js";
import { SLOPE_TOLERANCE, largestSlopeError } from "../support/slopes.js";

const { AveragePooling1D, Cropping2D, GlobalAveragePooling1D, GlobalMaxPooling1D, MaxPooling1D, SpatialDropout2D } =
  layers;
const first = "channelsFirst" as const;

type Options = layers.LayerOptions;
const cases: [string, (options: Options) => layers.Layer, number[]][] = [
  ["MaxPooling1D", (o) => new MaxPooling1D(o), [2, 7, 3]],
  ["MaxPooling1D, overlapping", (o) => new MaxPooling1D({ ...o, poolSize: 3, strides: 1 }), [1, 7, 2]],
  ["MaxPooling1D, same", (o) => new MaxPooling1D({ ...o, poolSize: 3, padding: "same", dataFormat: first }), [1, 2, 7]],
  ["AveragePooling1D", (o) => new AveragePooling1D(o), [2, 7, 3]],
  ["AveragePooling1D, padding", (o) => new AveragePooling1D({ ...o, poolSize: 3, padding: [2, 0] }), [1, 7, 2]],
  ["AveragePooling1D, channels first", (o) => new AveragePooling1D({ ...o, dataFormat: first }), [2, 3, 5]],
  ["GlobalAveragePooling1D", (o) => new GlobalAveragePooling1D(o), [2, 5, 3]],
  [
    "GlobalAveragePooling1D, channels first",
    (o) => new GlobalAveragePooling1D({ ...o, keepDims: true, dataFormat: first }),
    [2, 5, 3],
  ],
  ["GlobalMaxPooling1D", (o) => new GlobalMaxPooling1D({ ...o, keepDims: true }), [2, 5, 3]],
  ["GlobalMaxPooling1D, channels first", (o) => new GlobalMaxPooling1D({ ...o, dataFormat: first }), [2, 5, 3]],
  ["Cropping2D", (o) => new Cropping2D({ ...o, cropping: [1, [0, 2]] as never }), [2, 4, 5, 2]],
  ["Cropping2D, channels first", (o) => new Cropping2D({ ...o, cropping: 1, dataFormat: first }), [1, 2, 4, 3]],
  ["Cropping2D of nothing", (o) => new Cropping2D(o), [1, 2, 4, 3]],
];

describe("layers that pool and crop", () => {
  it.each(cases)("%s: computeOutputShape agrees with a call", (_, make, shape) => {
    const layer = make({});
    const [, ...sample] = shape;
    const expected = layer.apply(ones(shape)).shape;
    expect(layer.computeOutputShape(shape)).toEqual(expected);
    expect(layer.computeOutputShape([null, ...sample])).toEqual([null, ...expected.slice(1)]);
  });

  it.each(cases)("%s: gradients agree with finite differences", (_, make, shape) => {
    setSeed(9);
    const x = randn(shape, { dtype: "float64", requiresGrad: true });
    const layer = make({ dtype: "float64" });
    expect(largestSlopeError([x], () => layer.apply(x).sin().sum())).toBeLessThanOrEqual(SLOPE_TOLERANCE);
  });

  it.each(cases)("%s leaves nothing behind but its result", (_, make, shape) => {
    expect(leftOfCalls(make({}), randn(shape, { requiresGrad: true }))).toEqual({ call: 0, step: 0 });
  });

  it("pass on sizes that are not known, run no kernel, and end a mask", () => {
    const before = memory().tensors;
    expect(new MaxPooling1D().computeOutputShape([null, null, 3])).toEqual([null, null, 3]);
    expect(new AveragePooling1D({ dataFormat: first }).computeOutputShape([null, null, 7])).toEqual([null, null, 3]);
    expect(new GlobalAveragePooling1D().computeOutputShape([null, null, 3])).toEqual([null, 3]);
    expect(new GlobalMaxPooling1D({ keepDims: true }).computeOutputShape([null, null, null])).toEqual([null, 1, null]);
    expect(new Cropping2D({ cropping: 1 }).computeOutputShape([null, null, 5, null])).toEqual([null, null, 3, null]);
    expect(memory().tensors).toBe(before);
    expect(new MaxPooling1D().computeMask()).toBeNull();
    expect(new GlobalAveragePooling1D().computeMask()).toBeNull();
    expect(new Cropping2D().computeMask()).toBeNull();
  });

  it("take and give elements as computed by hand", () => {
    const x = tensor([[[1], [3], [2], [8], [5]]]);
    const steps = (layer: layers.Layer): unknown => layer.apply(x).flatten().toArraySync();
    expect(steps(new MaxPooling1D())).toEqual([3, 8]);
    expect(steps(new MaxPooling1D({ padding: "same" }))).toEqual([3, 8, 5]);
    expect(steps(new MaxPooling1D({ poolSize: 3, strides: 1 }))).toEqual([3, 8, 8]);
    expect(steps(new AveragePooling1D())).toEqual([2, 5]);
    // At the end a window has one step only.
    expect(steps(new AveragePooling1D({ padding: "same" }))).toEqual([2, 5, 5]);
    expect(steps(new AveragePooling1D({ padding: [1, 0] }))).toEqual([1, 2.5, 6.5]);
    expect(steps(new GlobalMaxPooling1D())).toEqual([8]);
  });

  it("crop without a copy, and without a change of the dtype", () => {
    const image = tensor(
      Int32Array.from({ length: 12 }, (_, i) => i),
      { shape: [1, 3, 4, 1] },
    );
    const before = memory().tensors;
    const y = new Cropping2D({
      cropping: [
        [1, 0],
        [0, 3],
      ],
    }).apply(image);
    expect(memory().tensors).toBe(before);
    expect([y.dtype, y.flatten().toArraySync()]).toEqual(["int32", [4, 8]]);
  });
});

describe("GlobalAveragePooling1D with a mask", () => {
  const mask = tensor([
    [true, false, true],
    [false, false, false],
  ]);
  it("leaves out steps that do not count, whatever they hold", () => {
    const x = tensor(
      [
        [[1], [NaN], [3]],
        [[4], [5], [6]],
      ],
      { requiresGrad: true },
    );
    const y = new GlobalAveragePooling1D().apply(x, { mask });
    expect(y.toArraySync()).toEqual([[2], [0]]);
    y.sum().backward();
    expect(x.grad!.flatten().toArraySync()).toEqual([0.5, 0, 0.5, 0, 0, 0]);
    expect(new GlobalAveragePooling1D({ keepDims: true }).apply(x, { mask }).toArraySync()).toEqual([[[2]], [[0]]]);
  });

  it("has gradients that agree with finite differences, and leaves nothing behind", () => {
    setSeed(10);
    const x = randn([2, 3, 2], { dtype: "float64", requiresGrad: true });
    const layer = new GlobalAveragePooling1D({ dtype: "float64" });
    const loss = (): Tensor => layer.apply(x, { mask }).sin().sum();
    expect(largestSlopeError([x], loss)).toBeLessThanOrEqual(SLOPE_TOLERANCE);
    expect(leftOfCalls(layer, x, { mask })).toEqual({ call: 0, step: 0 });
  });

  it("is refused where the channels lie along the axis of time", () => {
    const layer = new GlobalAveragePooling1D({ name: "g", dataFormat: first });
    expect(() => layer.apply(zeros([2, 3, 4]), { mask })).toThrow(
      'g: a mask of time with the channels along axis 1: expected dataFormat "channelsLast"',
    );
  });
});

describe("SpatialDropout2D", () => {
  it("passes its input on, but zeroes and scales whole channels while training", () => {
    const x = ones([4, 3, 2, 100]);
    const layer = new SpatialDropout2D({ rate: 0.25 });
    expect(layer.apply(x)).toBe(x);
    expect(new SpatialDropout2D({ rate: 0 }).apply(x, { training: true })).toBe(x);
    expect(layer.computeOutputShape([null, null, 2, 3])).toEqual([null, null, 2, 3]);
    setSeed(4);
    const y = layer.apply(x, { training: true });
    expect(new Set(y.dataSync())).toEqual(new Set([0, Math.fround(1 / 0.75)]));
    const spread = y.max({ axis: [1, 2] }).sub(y.min({ axis: [1, 2] }));
    expect(spread.abs().sum().itemSync()).toBe(0);
    // Five standard deviations of a binomial distribution with n = 400 and p = 0.75.
    const kept = y.index(null, 0, 0).greater(0).sum().itemSync();
    expect(Math.abs(kept - 300)).toBeLessThan(44);
    const turned = new SpatialDropout2D({ rate: 0.5, dataFormat: first }).apply(ones([2, 50, 3, 2]), {
      training: true,
    });
    expect(
      turned
        .max({ axis: [2, 3] })
        .sub(turned.min({ axis: [2, 3] }))
        .abs()
        .sum()
        .itemSync(),
    ).toBe(0);
  });

  it("leaves nothing behind but its result", () => {
    const x = randn([2, 3, 3, 4], { requiresGrad: true });
    expect(leftOfCalls(new SpatialDropout2D({ rate: 0.5 }), x)).toEqual({ call: 0, step: 0 });
  });
});

describe("wrong options and inputs", () => {
  it.each([
    [() => new MaxPooling1D({ name: "p", poolSize: 0 }), "p: poolSize is wrong: 0, expected a positive integer"],
    [() => new MaxPooling1D({ name: "p", strides: [2] as never }), "p: strides is wrong: [2], expected a positive"],
    [
      () => new AveragePooling1D({ name: "p", padding: "causal" as never }),
      'p: unknown padding: "causal", expected "valid", "same", a number or [before, after]',
    ],
    [
      () => new AveragePooling1D({ name: "p" }).computeOutputShape([null, 1, 3]),
      "p: the window is longer than the sequence: a window of 2 steps on a sequence of 1, padding [0,0]",
    ],
    [() => new MaxPooling1D({ name: "p" }).apply(zeros([2, 3])), "p: the input does not fit: its shape is [2,3]"],
    [() => new GlobalMaxPooling1D({ name: "p", keepDims: 1 as never }), "p: keepDims is wrong: 1"],
    [() => new GlobalMaxPooling1D({ name: "p" }).apply(zeros([2, 3])), "expected [*,*,*]"],
    [
      () => new Cropping2D({ name: "p", cropping: [1, 2, 3] as never }),
      "p: cropping is wrong: [1,2,3], expected pixels: a number of 0 or more, [rows, columns] or [[above, below], [left, right]]",
    ],
    [
      () => new Cropping2D({ name: "p", cropping: 2 }).apply(zeros([1, 5, 4, 1])),
      "p: nothing is left of the images: their shape is [1,5,4,1], cropping [[2,2],[2,2]]",
    ],
    [() => new SpatialDropout2D({ name: "p", rate: 1 }), "p: rate is wrong: 1, expected a number from 0 to below 1"],
  ])("%#", (call, message) => {
    expect(call).toThrow(message);
    expect(call).toThrow(NablaError);
  });
});

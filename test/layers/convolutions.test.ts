import { describe, expect, it } from "vitest";
import { NablaError, Sequential, layers, memory, ones, randn, setSeed, tensor, zeros, type Tensor } from "nabla";
import { leftOfCalls } from "../support/leaks.js";
import { SLOPE_TOLERANCE, largestSlopeError } from "../support/slopes.js";

const { Conv1D, Conv2D, Conv2DTranspose, DepthwiseConv2D, GroupNormalization, SeparableConv2D } = layers;
const first = "channelsFirst" as const;

type Options = layers.LayerOptions;
const cases: [string, (options: Options) => layers.Layer, number[]][] = [
  ["Conv1D", (o) => new Conv1D({ ...o, filters: 3, kernelSize: 3 }), [2, 7, 2]],
  ["Conv1D, same", (o) => new Conv1D({ ...o, filters: 3, kernelSize: 4, strides: 2, padding: "same" }), [2, 7, 2]],
  [
    "Conv1D, causal",
    (o) => new Conv1D({ ...o, filters: 2, kernelSize: 3, dilationRate: 2, padding: "causal" }),
    [1, 7, 2],
  ],
  ["Conv1D, zeros at both ends", (o) => new Conv1D({ ...o, filters: 2, kernelSize: 3, padding: [2, 1] }), [1, 4, 1]],
  [
    "Conv1D, groups, channels first",
    (o) => new Conv1D({ ...o, filters: 4, kernelSize: 2, groups: 2, dataFormat: first, activation: "gelu" }),
    [2, 4, 5],
  ],
  ["Conv1D, one step", (o) => new Conv1D({ ...o, filters: 2, kernelSize: 1, activation: "sigmoid" }), [3, 1, 2]],
  ["DepthwiseConv2D", (o) => new DepthwiseConv2D({ ...o, kernelSize: 3 }), [2, 5, 4, 3]],
  [
    "DepthwiseConv2D, multiplier",
    (o) =>
      new DepthwiseConv2D({
        ...o,
        kernelSize: [2, 3],
        depthMultiplier: 2,
        strides: 2,
        padding: "same",
        activation: "tanh",
      }),
    [1, 5, 6, 2],
  ],
  [
    "DepthwiseConv2D, channels first",
    (o) => new DepthwiseConv2D({ ...o, kernelSize: 2, dilationRate: 2, useBias: false, dataFormat: first }),
    [1, 3, 5, 4],
  ],
  [
    "SeparableConv2D",
    (o) => new SeparableConv2D({ ...o, filters: 3, kernelSize: 2, activation: "tanh" }),
    [2, 4, 5, 2],
  ],
  [
    "SeparableConv2D, multiplier, channels first",
    (o) =>
      new SeparableConv2D({
        ...o,
        filters: 2,
        kernelSize: 3,
        depthMultiplier: 3,
        strides: 2,
        padding: 1,
        dataFormat: first,
      }),
    [1, 2, 5, 7],
  ],
  [
    "Conv2DTranspose",
    (o) => new Conv2DTranspose({ ...o, filters: 2, kernelSize: 3, activation: "tanh" }),
    [2, 3, 4, 3],
  ],
  [
    "Conv2DTranspose, sigmoid",
    (o) => new Conv2DTranspose({ ...o, filters: 1, kernelSize: 2, activation: "sigmoid" }),
    [1, 2, 2, 1],
  ],
  [
    "Conv2DTranspose, same",
    (o) => new Conv2DTranspose({ ...o, filters: 2, kernelSize: [3, 4], strides: [2, 3], padding: "same" }),
    [1, 3, 2, 2],
  ],
  [
    "Conv2DTranspose, output padding",
    (o) => new Conv2DTranspose({ ...o, filters: 2, kernelSize: 3, strides: 2, padding: 1, outputPadding: [1, 0] }),
    [1, 3, 2, 2],
  ],
  [
    "Conv2DTranspose, channels first",
    (o) => new Conv2DTranspose({ ...o, filters: 3, kernelSize: 2, dilationRate: 2, useBias: false, dataFormat: first }),
    [1, 2, 3, 4],
  ],
];

describe("layers of convolutions", () => {
  it.each(cases)("%s: computeOutputShape agrees with a call", (_, make, shape) => {
    const layer = make({});
    const [, ...sample] = shape;
    const expected = layer.apply(ones(shape)).shape;
    expect(layer.computeOutputShape(shape)).toEqual(expected);
    expect(layer.computeOutputShape([null, ...sample])).toEqual([null, ...expected.slice(1)]);
  });

  it.each(cases)("%s: gradients agree with finite differences", (_, make, shape) => {
    setSeed(5);
    const layer = make({ dtype: "float64" });
    const x = randn(shape, { dtype: "float64", requiresGrad: true });
    layer.build(shape);
    const loss = (): Tensor => layer.apply(x).sin().sum();
    expect(largestSlopeError([x, ...layer.weights], loss)).toBeLessThanOrEqual(SLOPE_TOLERANCE);
  });

  // What comes before other activations lives on: for their gradient, or for a loss.
  it.each(cases.filter(([, make]) => (make({}) as layers.Conv2D).activation.isFused))(
    "%s leaves nothing behind but its result",
    (_, make, shape) => {
      expect(leftOfCalls(make({}), randn(shape, { requiresGrad: true }))).toEqual({ call: 0, step: 0 });
    },
  );

  it("pass on sizes that are not known, and run no kernel", () => {
    const before = memory().tensors;
    const conv = new Conv1D({ filters: 4, kernelSize: 3, strides: 2 });
    expect(conv.computeOutputShape([null, null, 3])).toEqual([null, null, 4]);
    expect(conv.computeOutputShape([null, 8, null])).toEqual([null, 3, 4]);
    const depthwise = new DepthwiseConv2D({ kernelSize: 3, depthMultiplier: 2 });
    expect(depthwise.computeOutputShape([null, null, 9, 3])).toEqual([null, null, 7, 6]);
    expect(depthwise.computeOutputShape([null, 9, 9, null])).toEqual([null, 7, 7, null]);
    const separable = new SeparableConv2D({ filters: 5, kernelSize: 3, dataFormat: first });
    expect(separable.computeOutputShape([null, 3, null, 5])).toEqual([null, 5, null, 3]);
    const transposed = new Conv2DTranspose({ filters: 2, kernelSize: 4, strides: 2, padding: 3 });
    expect(transposed.computeOutputShape([null, null, 4, 3])).toEqual([null, null, 4, 2]);
    expect(memory().tensors).toBe(before);
  });

  it("have kernels as in Keras, and weights that training changes in that order", () => {
    const shapes = (layer: layers.Layer): unknown => layer.trainableWeights.map(({ shape }) => shape);
    const images = [1, 8, 8, 6];
    const built = <L extends layers.Layer>(layer: L, shape = images): L => (layer.build(shape), layer);
    expect(shapes(built(new Conv1D({ filters: 4, kernelSize: 3, groups: 2 }), [1, 8, 6]))).toEqual([[3, 3, 4], [4]]);
    expect(shapes(built(new DepthwiseConv2D({ kernelSize: [3, 2], depthMultiplier: 4 })))).toEqual([
      [3, 2, 6, 4],
      [24],
    ]);
    expect(shapes(built(new SeparableConv2D({ filters: 5, kernelSize: 3, depthMultiplier: 2 })))).toEqual([
      [3, 3, 6, 2],
      [1, 1, 12, 5],
      [5],
    ]);
    expect(shapes(built(new Conv2DTranspose({ filters: 5, kernelSize: [3, 2] })))).toEqual([[3, 2, 5, 6], [5]]);
    const initialized = built(
      new SeparableConv2D({
        filters: 1,
        kernelSize: 1,
        depthwiseInitializer: "ones",
        pointwiseInitializer: "zeros",
        biasInitializer: "ones",
      }),
    );
    expect(initialized.weights.map((weight) => weight.sum().itemSync())).toEqual([6, 0, 1]);
    expect(
      built(new DepthwiseConv2D({ kernelSize: 1, depthwiseInitializer: "ones" }))
        .kernel!.sum()
        .itemSync(),
    ).toBe(6);
  });

  it("of causal sequences see no later step", () => {
    setSeed(6);
    const layer = new Conv1D({ filters: 2, kernelSize: 3, dilationRate: 2, padding: "causal" });
    const x = randn([1, 6, 2]);
    const y = layer.apply(x).toArraySync() as number[][][];
    const changed = layer.apply(x.mul(tensor([[1], [1], [1], [0], [0], [0]]))).toArraySync() as number[][][];
    expect(changed[0]!.slice(0, 3)).toEqual(y[0]!.slice(0, 3));
    expect(changed[0]![3]).not.toEqual(y[0]![3]);
  });

  it("end a mask", () => {
    expect(new Conv1D({ filters: 1, kernelSize: 1 }).computeMask()).toBeNull();
    expect(new Conv2DTranspose({ filters: 1, kernelSize: 1 }).computeMask()).toBeNull();
  });

  it("build into a Sequential, up and down again", () => {
    const model = new Sequential([
      new SeparableConv2D({ filters: 4, kernelSize: 3, strides: 2, padding: "same", inputShape: [8, 6, 3] }),
      new GroupNormalization({ groups: 2 }),
      new Conv2DTranspose({ filters: 3, kernelSize: 3, strides: 2, padding: "same" }),
    ]);
    expect(model.outputShape).toEqual([null, 8, 6, 3]);
    expect(model.apply(zeros([2, 8, 6, 3])).shape).toEqual([2, 8, 6, 3]);
  });
});

describe("wrong options and inputs of convolutions", () => {
  const name = "c";
  it.each([
    [() => new Conv1D({ name, filters: 0, kernelSize: 3 }), "c: filters is wrong: 0, expected a positive integer"],
    [
      () => new Conv1D({ name, filters: 1, kernelSize: [3] as never }),
      "c: kernelSize is wrong: [3], expected a positive",
    ],
    [() => new Conv1D({ name, filters: 1, kernelSize: 3, strides: 0 }), "c: strides is wrong: 0, expected a positive"],
    [() => new Conv1D({ name, filters: 1, kernelSize: 3, dilationRate: 1.5 }), "c: dilationRate is wrong: 1.5"],
    [
      () => new Conv1D({ name, filters: 1, kernelSize: 3, padding: "full" as never }),
      'c: unknown padding: "full", expected "valid", "same", "causal", a number or [before, after]',
    ],
    [
      () => new Conv1D({ name, filters: 3, kernelSize: 3, groups: 2 }),
      "c: the filters do not divide into groups: 3 by 2",
    ],
    [
      () => new Conv1D({ name, filters: 2, kernelSize: 3, groups: 2 }).build([null, 8, 3]),
      "c: the channels do not divide into groups: 3 by 2",
    ],
    [
      () => new Conv1D({ name, filters: 2, kernelSize: 3 }).apply(zeros([2, 8])),
      "c: the input does not fit: its shape is [2,8], expected [*,*,*]",
    ],
    [
      () => new Conv1D({ name, filters: 2, kernelSize: 3, dilationRate: 2 }).computeOutputShape([null, 4, 1]),
      "c: the window is longer than the sequence: a window of 5 steps on a sequence of 4, padding [0,0]",
    ],
    [
      () => new Conv1D({ name, filters: 2, kernelSize: 3 }).build([null, 4, null]),
      "c: axis -1 of the input must be known to build the weights",
    ],
    [
      () => new DepthwiseConv2D({ name, kernelSize: 0 }),
      "c: kernelSize is out of range: 0, expected a positive integer",
    ],
    [
      () => new DepthwiseConv2D({ name, kernelSize: 1, depthMultiplier: -1 }),
      "c: depthMultiplier is wrong: -1, expected a positive integer",
    ],
    [
      () => new DepthwiseConv2D({ kernelSize: 1, kernelInitializer: "ones" } as never),
      'DepthwiseConv2D: unknown option: "kernelInitializer"',
    ],
    [
      () => new SeparableConv2D({ name, filters: 1, kernelSize: 3 }).computeOutputShape([null, 2, 9, 1]),
      "c: the window is larger than the image",
    ],
    [() => new SeparableConv2D({ name, filters: 1.5, kernelSize: 3 }), "c: filters is wrong: 1.5"],
    [
      () => new Conv2DTranspose({ name, filters: 1, kernelSize: 3, strides: 2, outputPadding: 2 }),
      "c: outputPadding is out of range: 2, expected integers of 0 or more below the strides [2,2]",
    ],
    [
      () => new Conv2DTranspose({ name, filters: 1, kernelSize: 2, padding: 3 }).computeOutputShape([null, 4, 4, 1]),
      "c: nothing is left of the result: its size would be [-1,-1]",
    ],
    [
      () => new Conv2DTranspose({ name, filters: 1, kernelSize: 3, dataFormat: "NCHW" as never }),
      'c: unknown dataFormat: "NCHW", expected one of channelsLast, channelsFirst',
    ],
    [
      () => new Conv2DTranspose({ name, filters: 1, kernelSize: 3, activation: "rleu" as never }),
      'c: unknown activation: "rleu", did you mean "relu"?',
    ],
    [() => new Conv2D({ name, filters: 1, kernelSize: 3, useBias: 0 as never }), "c: useBias is wrong: 0"],
  ])("%#", (call, message) => {
    expect(call).toThrow(message);
    expect(call).toThrow(NablaError);
  });
});

import { describe, expect, it } from "vitest";
import { Sequential, layers, memory, noGrad, ones, randn, setSeed, tensor, type Tensor } from "nabla";
import { readKeras, setWeights, toTensor, valuesOf, type Numbers } from "../support/keras.js";
import { SLOPE_TOLERANCE, largestSlopeError } from "../support/slopes.js";

const { BatchNormalization, Dense } = layers;

interface Case {
  options: layers.BatchNormalizationOptions;
  weights: Numbers[];
  x: Numbers;
  mask: boolean[][] | null;
  trained: Numbers;
  after: Numbers[];
  y: Numbers;
}

const { cases } = readKeras<{ cases: Case[] }>("keras_batch_normalization");

// The fixture has six decimals; sums of up to 8 float32 numbers below 4 follow.
const TOLERANCE = 4e-6;

function expectClose(actual: Tensor, expected: Numbers): void {
  expect(actual.shape).toEqual(expected.shape);
  actual
    .dataSync()
    .forEach((value, i) => expect(Math.abs(value - valuesOf(expected)[i]!)).toBeLessThanOrEqual(TOLERANCE));
}

describe("BatchNormalization", () => {
  it.each(cases)(
    "agrees with Keras in training and after it: %#",
    ({ options, weights, x, mask, trained, after, y }) => {
      const layer = new BatchNormalization(options);
      const input = toTensor(x);
      layer.build(input.shape);
      setWeights(layer, weights);
      const given = mask ? { mask: tensor(mask) } : {};
      expectClose(layer.apply(input, { training: true, ...given }), trained);
      layer.weights.forEach((weight, i) => expectClose(weight, after[i]!));
      expectClose(layer.apply(input, given), y);
    },
  );

  it("saw every case", () => expect(cases).toHaveLength(4));

  it("keeps its averages where it is not trainable", () => {
    const layer = new BatchNormalization({ trainable: false });
    const x = tensor([[2], [4]]);
    const y = layer.apply(x, { training: true });
    expect(layer.movingMean!.toArraySync()).toEqual([0]);
    expect(y.toArraySync()).toEqual(layer.apply(x).toArraySync());
    expect(layer.trainableWeights).toEqual([]);
    layer.trainable = true;
    expect(layer.trainableWeights).toEqual([layer.gamma, layer.beta]);
  });

  it("is trained by fit, which leaves averages of the batches", async () => {
    setSeed(2);
    const model = new Sequential([new BatchNormalization({ inputShape: [2], momentum: 0 }), new Dense({ units: 1 })]);
    model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
    const x = tensor([
      [1, 10],
      [3, 30],
    ]);
    await model.fit(x, ones([2, 1]), { epochs: 1, verbose: 0 });
    const [, , mean, variance] = model.weights;
    expect(mean!.toArraySync()).toEqual([2, 20]);
    expect(variance!.toArraySync()).toEqual([1, 100]);
  });

  it("leaves nothing behind but its result", () => {
    const mask = tensor([[true, false]]);
    const x = randn([1, 2, 3]);
    const layer = new BatchNormalization();
    layer.build(x.shape);
    for (const given of [{}, { mask }]) {
      const before = memory().tensors;
      const y = noGrad(() => layer.apply(x, { training: true, ...given }));
      expect(memory().tensors).toBe(before + 1);
      y.dispose();
    }
  });

  it("takes no step that does not count into its averages", () => {
    const layer = new BatchNormalization({ momentum: 0 });
    const x = tensor([
      [[1], [100]],
      [[3], [100]],
    ]);
    layer.apply(x, {
      training: true,
      mask: tensor([
        [true, false],
        [true, false],
      ]),
    });
    expect([layer.movingMean!.toArraySync(), layer.movingVariance!.toArraySync()]).toEqual([[2], [1]]);
    // None at all: no NaN that would stay.
    layer.apply(x, {
      training: true,
      mask: tensor([
        [false, false],
        [false, false],
      ]),
    });
    expect([layer.movingMean!.toArraySync(), layer.movingVariance!.toArraySync()]).toEqual([[0], [0]]);
  });

  it("has gradients that agree with finite differences, with a mask too", () => {
    const dtype = "float64";
    const mask = tensor([
      [true, true, false],
      [true, false, false],
    ]);
    for (const given of [{}, { mask }]) {
      setSeed(3);
      const layer = new BatchNormalization({ dtype });
      const x = randn([2, 3, 2], { dtype, requiresGrad: true });
      layer.build(x.shape);
      const loss = (): Tensor =>
        layer
          .apply(x, { training: true, ...given })
          .mul(x.sin())
          .sum();
      expect(largestSlopeError([x, layer.gamma!, layer.beta!], loss)).toBeLessThanOrEqual(SLOPE_TOLERANCE);
    }
  });

  it("refuses wrong options, and a mask of the channels' axis", () => {
    expect(() => new BatchNormalization({ name: "b", axis: 0.5 })).toThrow("b: axis is out of range: 0.5");
    for (const momentum of [-1, 1.5, NaN]) {
      expect(() => new BatchNormalization({ name: "b", momentum })).toThrow(
        `b: momentum is wrong: ${momentum}, expected a number from 0 to 1`,
      );
    }
    expect(() => new BatchNormalization({ name: "b", epsilon: -1 })).toThrow(
      "b: epsilon is wrong: -1, expected a number of 0 or more that is finite",
    );
    const layer = new BatchNormalization({ name: "b", axis: 1 });
    expect(() => layer.apply(ones([1, 2, 3]), { mask: tensor([[true, false]]) })).toThrow(
      "b: a mask of time with the channels along axis 1: expected another axis",
    );
    const built = new BatchNormalization({ name: "b" });
    built.build([null, 3]);
    expect(() => built.apply(ones([2, 4]))).toThrow("b: the input does not fit: its shape is [2,4], expected […,3]");
  });
});

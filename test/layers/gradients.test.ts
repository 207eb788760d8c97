import { describe, expect, it } from "vitest";
import { Sequential, layers, losses, randn, setSeed, tensor, type Tensor } from "nabla";
import { SLOPE_TOLERANCE, largestSlopeError } from "../support/slopes.js";

const { AveragePooling2D, Conv2D, Dense, Flatten, GlobalAveragePooling2D, MaxPooling2D } = layers;
const { Permute, RepeatVector, Reshape, UpSampling2D, ZeroPadding2D } = layers;

describe("gradients agree with finite differences", () => {
  const dtype = "float64";
  it("of a convolutional model with softmax and labels", () => {
    setSeed(4);
    const model = new Sequential([
      new Conv2D({ filters: 3, kernelSize: 3, activation: "tanh", inputShape: [8, 8, 2], dtype }),
      new MaxPooling2D({ poolSize: 2, dtype }),
      new Conv2D({ filters: 2, kernelSize: 2, padding: "same", activation: "sigmoid", dtype }),
      new Flatten(),
      new Dense({ units: 5, activation: "relu", dtype }),
      new Dense({ units: 4, activation: "softmax", dtype }),
    ]);
    const x = randn([3, 8, 8, 2], { dtype });
    const loss = new losses.SparseCategoricalCrossentropy();
    const y = tensor(Int32Array.of(1, 3, 0));
    expect(largestSlopeError(model.weights, () => loss.apply(y, model.apply(x)))).toBeLessThanOrEqual(SLOPE_TOLERANCE);
  });

  it("through the layers that only move or pool elements", () => {
    setSeed(7);
    const model = new Sequential([
      new ZeroPadding2D({ padding: [1, 2], inputShape: [4, 3, 1], dtype }),
      new Conv2D({ filters: 2, kernelSize: 2, activation: "tanh", dtype }),
      new UpSampling2D({ dtype }),
      new AveragePooling2D({ poolSize: 3, strides: 2, padding: "same", dtype }),
      new Permute({ dims: [3, 1, 2] }),
      new Reshape({ targetShape: [5, 6, 2] }),
      new GlobalAveragePooling2D({ dtype }),
      new RepeatVector({ n: 2 }),
      new Dense({ units: 3, dtype }),
    ]);
    const x = randn([2, 4, 3, 1], { dtype });
    expect(largestSlopeError(model.weights, () => model.apply(x).square().mean())).toBeLessThanOrEqual(SLOPE_TOLERANCE);
  });

  const probabilities = tensor(
    [
      [0.1, 0.9, 0],
      [0.5, 0.25, 0.25],
    ],
    { dtype },
  );
  const binary = tensor(
    [
      [1, 0, 1],
      [0, 0, 1],
    ],
    { dtype },
  );
  it.each([
    ["CategoricalCrossentropy of softmax", "softmax", new losses.CategoricalCrossentropy(), probabilities],
    [
      "CategoricalCrossentropy, smoothed",
      "softmax",
      new losses.CategoricalCrossentropy({ labelSmoothing: 0.2 }),
      probabilities,
    ],
    [
      "CategoricalCrossentropy of logits",
      "linear",
      new losses.CategoricalCrossentropy({ fromLogits: true }),
      probabilities,
    ],
    ["BinaryCrossentropy of sigmoid", "sigmoid", new losses.BinaryCrossentropy(), binary],
    ["BinaryCrossentropy of logits", "linear", new losses.BinaryCrossentropy({ fromLogits: true }), binary],
    ["MeanSquaredError", "tanh", new losses.MeanSquaredError(), probabilities],
    ["MeanAbsoluteError", "linear", new losses.MeanAbsoluteError(), probabilities],
  ] as const)("of %s", (_, activation, loss, y) => {
    setSeed(5);
    const model = new Sequential([new Dense({ units: 3, activation, inputShape: [4], dtype })]);
    const x = randn([2, 4], { dtype });
    expect(largestSlopeError(model.weights, () => loss.apply(y, model.apply(x)))).toBeLessThanOrEqual(SLOPE_TOLERANCE);
  });

  it("of probabilities that did not come from a softmax layer", () => {
    setSeed(6);
    const model = new Sequential([new Dense({ units: 3, inputShape: [4], dtype })]);
    const x = randn([2, 4], { dtype });
    const labels = tensor(Int32Array.of(2, 0));
    const sparse = new losses.SparseCategoricalCrossentropy();
    const categorical = new losses.CategoricalCrossentropy();
    const y = (): Tensor => model.apply(x).square().add(0.1);
    expect(
      largestSlopeError(model.weights, () => sparse.apply(labels, y()).add(categorical.apply(probabilities, y()))),
    ).toBeLessThanOrEqual(SLOPE_TOLERANCE);
  });
});

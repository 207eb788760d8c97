import { expect, it } from "vitest";
import { Sequential, layers, tensor, type Tensor } from "nabla";
import { kerasTraining, makeBatches, makeWeights, type Batch } from "./fixtures/keras_cnn_training.js";

function cnn(): Sequential {
  const model = new Sequential([
    new layers.Conv2D({ filters: 32, kernelSize: 3, activation: "relu", inputShape: [28, 28, 1] }),
    new layers.MaxPooling2D({ poolSize: 2 }),
    new layers.Conv2D({ filters: 64, kernelSize: 3, activation: "relu" }),
    new layers.MaxPooling2D({ poolSize: 2 }),
    new layers.Flatten(),
    new layers.Dense({ units: 128, activation: "relu" }),
    new layers.Dense({ units: 10, activation: "softmax" }),
  ]);
  model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
  model.setWeights(makeWeights().map(({ data }) => data));
  return model;
}

function toTensors({ images, labels }: Batch): [Tensor, Tensor] {
  return [tensor(images, { shape: [labels.length, 28, 28, 1] }), tensor(labels)];
}

const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0);

it("starts from the weights and batches that Keras had", () => {
  const { sumOfWeights, sumOfImages, sumOfLabels } = kerasTraining.inputs;
  // Sums in float64, in another order: the weights are below 1, the images 0.5 million numbers.
  makeWeights().forEach(({ data }, i) => expect(sum(data)).toBeCloseTo(sumOfWeights[i]!, 9));
  const batches = makeBatches();
  expect(sum(batches.map(({ images }) => sum(images)))).toBeCloseTo(sumOfImages, 5);
  expect(sum(batches.map(({ labels }) => sum(labels)))).toBe(sumOfLabels);
});

it("follows the losses of Keras over 20 training steps, and ends with its weights and predictions", async () => {
  const { steps, losses, after } = kerasTraining;
  const model = cnn();
  const batches = makeBatches().map(toTensors);
  expect(batches).toHaveLength(steps + 1);
  for (let step = 0; step < steps; step++) {
    const { loss } = await model.trainOnBatch(...batches[step]!);
    // These steps in float64 are within 1.2e-5 of Keras, which rounds Adam's powers of beta to float32.
    expect(Math.abs(loss! - losses[step]!), `loss of step ${step}`).toBeLessThanOrEqual(1e-4);
  }
  const [x, y] = batches[steps]!;
  const evaluated = await model.evaluate(x, y, { verbose: 0 });
  expect(Math.abs(evaluated["loss"]! - after.loss)).toBeLessThanOrEqual(1e-4);
  expect(evaluated["accuracy"]).toBeCloseTo(after.accuracy, 6);
  const predictions = await (await model.predict(x.slice([[0, after.predictions.length]]))).data();
  after.predictions.flat().forEach((p, i) => expect(Math.abs(predictions[i]! - p)).toBeLessThanOrEqual(1e-4));
  model.weights.forEach((weight, i) => {
    const total = sum(weight.dataSync().map(Math.abs));
    expect(Math.abs(total / after.sumOfAbsoluteWeights[i]! - 1)).toBeLessThanOrEqual(1e-4);
  });
});

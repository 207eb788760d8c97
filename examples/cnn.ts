/**
 * Trains a small convolutional network on real handwritten digits and says how many unseen ones it then reads.
 *
 *   npm run cnn (in a checkout)
 *   npx nabla train cnn --epochs 3 --seed 7
 *
 * Options: --epochs, --seed.
 */
import { parseArgs } from "node:util";
import { Sequential, datasets, layers, setSeed } from "nabla";

const { values } = parseArgs({
  options: {
    epochs: { type: "string", default: "10" },
    seed: { type: "string", default: "1" },
  },
});
setSeed(Number(values.seed));

const { train, validation } = await datasets.mnist();
const model = new Sequential([
  new layers.Conv2D({ filters: 32, kernelSize: 3, activation: "relu", inputShape: [28, 28, 1] }),
  new layers.MaxPooling2D({ poolSize: 2 }),
  new layers.Conv2D({ filters: 64, kernelSize: 3, activation: "relu" }),
  new layers.MaxPooling2D({ poolSize: 2 }),
  new layers.Flatten(),
  new layers.Dense({ units: 128, activation: "relu" }),
  new layers.Dense({ units: 10, activation: "softmax" }),
]);
model.summary();
model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
const history = await model.fit(train.x, train.y, {
  epochs: Number(values.epochs),
  batchSize: 32,
  validationData: [validation.x, validation.y],
});

const accuracy = history.history["valAccuracy"]!.at(-1)!;
console.log(`Accuracy on ${validation.y.size} unseen digits: ${(100 * accuracy).toFixed(2)} %`);

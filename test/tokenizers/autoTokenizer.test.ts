import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  ArgumentError,
  AutoTokenizer,
  FormatError,
  IndexError,
  NetworkError,
  Tokenizer,
  type EncodeOptions,
  type NablaError,
  type PretrainedOptions,
} from "nabla";
import { commitOf, fakeHub } from "../support/hub.js";

const hub = fakeHub();
const VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "##s", "sat"];
const SILENT: PretrainedOptions = { verbose: 0 };

/** A folder with these files: objects are written as JSON. */
function folder(files: Record<string, unknown>): string {
  const path = hub.at("folder");
  mkdirSync(path, { recursive: true });
  for (const [name, value] of Object.entries(files)) {
    const raw = typeof value === "string" || value instanceof Uint8Array;
    writeFileSync(join(path, name), raw ? value : JSON.stringify(value));
  }
  return path;
}

const withVocabulary = (config?: object): string =>
  folder({ "vocab.txt": VOCABULARY.join("\n"), ...(config && { "tokenizer_config.json": config }) });

const wordPiece = (model: object = {}, rest: object = {}): Record<string, unknown> => ({
  model: {
    type: "WordPiece",
    unk_token: "[UNK]",
    continuing_subword_prefix: "##",
    vocab: Object.fromEntries(VOCABULARY.map((token, id) => [token, id])),
    ...model,
  },
  pre_tokenizer: { type: "BertPreTokenizer" },
  ...rest,
});

async function failure(run: () => unknown): Promise<NablaError> {
  try {
    await run();
  } catch (error) {
    return error as NablaError;
  }
  return expect.unreachable("it did not fail");
}

describe("AutoTokenizer.fromPretrained", () => {
  it("fetches a model's files from the hub once, and encodes what program 3 encodes", async () => {
    hub.models["distilbert-tiny"] = {
      commit: commitOf("x"),
      files: {
        "vocab.txt": `${VOCABULARY.join("\n")}\n`,
        "tokenizer_config.json": '{"do_lower_case":true,"model_max_length":512}',
      },
    };
    const tokenizer = await AutoTokenizer.fromPretrained("distilbert-tiny", SILENT);
    expect(tokenizer).toBeInstanceOf(Tokenizer);
    const batch = tokenizer.encodeBatch(["The cats sat", "cat"], { maxLength: 128 });
    expect(await batch.inputIds.toArray()).toEqual([
      [2, 5, 6, 7, 8, 3],
      [2, 6, 3, 0, 0, 0],
    ]);
    expect(await batch.attentionMask.toArray()).toEqual([
      [1, 1, 1, 1, 1, 1],
      [1, 1, 1, 0, 0, 0],
    ]);
    process.env["NABLA_OFFLINE"] = "1";
    hub.models = {};
    expect((await AutoTokenizer.fromPretrained("distilbert-tiny", SILENT)).encode("sat").ids).toEqual([2, 8, 3]);
    expect(await failure(() => AutoTokenizer.fromPretrained("other", SILENT))).toMatchObject({
      name: "ArgumentError",
      message: `AutoTokenizer.fromPretrained: file not found: tokenizer.json or vocab.txt of "other" at revision main in ${hub.at("models--other")}, and NABLA_OFFLINE=1 forbids to fetch it`,
    });
  });

  it("tells when the hub does not answer, and refuses what it does not know", async () => {
    process.env["HF_ENDPOINT"] = "http://127.0.0.1:1";
    expect(await failure(() => AutoTokenizer.fromPretrained("distilbert-tiny", SILENT))).toBeInstanceOf(NetworkError);
    const misspelled = await failure(() => AutoTokenizer.fromPretrained("x", { revison: "main" } as never));
    expect(misspelled).toBeInstanceOf(ArgumentError);
    expect(misspelled.message).toBe(
      'AutoTokenizer.fromPretrained: unknown option: "revison", did you mean "revision"?',
    );
  });

  it("takes a vocabulary without a configuration, and a tokenizer.json before a vocabulary", async () => {
    const path = withVocabulary();
    const plain = await AutoTokenizer.fromPretrained(path);
    expect(plain.encode("THE cät").tokens).toEqual(["[CLS]", "the", "cat", "[SEP]"]);
    expect([plain.modelMaxLength, plain.paddingSide, plain.truncationSide]).toEqual([undefined, "right", "right"]);
    folder({ "tokenizer.json": wordPiece() });
    const other = await AutoTokenizer.fromPretrained(path);
    expect(other.encode("the THE").ids).toEqual([5, 1]);
    expect([other.vocabSize, other.padTokenId]).toEqual([9, undefined]);
  });

  it("takes the usual special tokens, and those that the files name", async () => {
    const added = [0, 1, 2, 3, 4].map((id) => ({ id, content: VOCABULARY[id], special: true }));
    const path = folder({ "tokenizer.json": wordPiece({}, { added_tokens: added }) });
    const usual = await AutoTokenizer.fromPretrained(path);
    expect([usual.padTokenId, usual.clsTokenId, usual.maskTokenId, usual.bosTokenId]).toEqual([0, 2, 4, undefined]);
    folder({
      "special_tokens_map.json": { pad_token: "the", eos_token: "cat" },
      "tokenizer_config.json": { pad_token: { content: "sat" }, model_max_length: 1e30 },
    });
    const named = await AutoTokenizer.fromPretrained(path);
    expect([named.padTokenId, named.eosTokenId, named.modelMaxLength]).toEqual([8, 6, undefined]);
  });

  it("takes tokens that the configuration adds to a vocabulary", async () => {
    const extra = { 0: { content: "[PAD]", special: true }, 9: { content: "<new>", special: false, lstrip: true } };
    const tokenizer = await AutoTokenizer.fromPretrained(withVocabulary({ added_tokens_decoder: extra }));
    expect(tokenizer.encode("cat <new>sat").ids).toEqual([2, 6, 9, 8, 3]);
    expect([tokenizer.vocabSize, tokenizer.tokenToId("<new>"), tokenizer.idToToken(9)]).toEqual([10, 9, "<new>"]);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ["no JSON", { "tokenizer.json": "{" }, "invalid JSON: FOLDER/tokenizer.json, "],
    ["no object", { "tokenizer.json": "[]" }, "not a tokenizer: FOLDER/tokenizer.json is [], expected an object"],
    [
      "no model",
      { "tokenizer.json": {} },
      "not a tokenizer: model of FOLDER/tokenizer.json is missing, expected an object",
    ],
    [
      "an unknown model",
      { "tokenizer.json": { model: { type: "WordLevel" } } },
      'not a tokenizer: model.type of FOLDER/tokenizer.json is "WordLevel", expected one of BPE, Unigram, WordPiece',
    ],
    [
      "no vocabulary",
      { "tokenizer.json": wordPiece({ vocab: ["a"] }) },
      'model.vocab of FOLDER/tokenizer.json is ["a"], expected an object of numbers by token',
    ],
    [
      "numbers that are none",
      { "tokenizer.json": wordPiece({ vocab: { "[UNK]": 0, a: 1.5 } }) },
      'model.vocab["a"] of FOLDER/tokenizer.json is 1.5, expected the token\'s number',
    ],
    [
      "an unknown token that is not there",
      { "tokenizer.json": wordPiece({ unk_token: "?" }) },
      'model.unk_token of FOLDER/tokenizer.json is "?", expected a token of model.vocab',
    ],
    [
      "merges that are none",
      { "tokenizer.json": { model: { type: "BPE", vocab: { a: 0 }, merges: [3] } } },
      "not a tokenizer that is known: FOLDER/tokenizer.json, ",
    ],
    [
      "an unknown normalizer",
      { "tokenizer.json": wordPiece({}, { normalizer: { type: "Magic" } }) },
      "not a tokenizer that is known: FOLDER/tokenizer.json, Unknown Normalizer type: Magic",
    ],
    [
      "an added token without a number",
      { "tokenizer.json": wordPiece({}, { added_tokens: [{ content: "x" }] }) },
      'added_tokens[0] of FOLDER/tokenizer.json is {"content":"x"}, expected { "id": number, "content": text }',
    ],
    [
      "an added token that is a single word",
      { "tokenizer.json": wordPiece({}, { added_tokens: [{ id: 1, content: "x", single_word: true }] }) },
      "expected none that is a single word: the library knows none",
    ],
    [
      "an unknown post-processor",
      { "tokenizer.json": wordPiece({}, { post_processor: { type: "Magic" } }) },
      'post_processor.type of FOLDER/tokenizer.json is "Magic", expected one of BertProcessing, ByteLevel, RobertaProcessing, Sequence, TemplateProcessing',
    ],
    [
      "a template with a token that it does not define",
      {
        "tokenizer.json": wordPiece(
          {},
          { post_processor: { type: "TemplateProcessing", single: [{ SpecialToken: { id: "x" } }], pair: [] } },
        ),
      },
      'post_processor.single[0] of FOLDER/tokenizer.json is {"SpecialToken":{"id":"x"}}, expected a Sequence "A" or "B", or a SpecialToken of special_tokens',
    ],
    [
      "a separator without a number",
      { "tokenizer.json": wordPiece({}, { post_processor: { type: "BertProcessing", cls: ["[CLS]", 2], sep: "x" } }) },
      'post_processor.sep of FOLDER/tokenizer.json is "x", expected [token, its number]',
    ],
    [
      "a wrong side",
      { "vocab.txt": VOCABULARY.join("\n"), "tokenizer_config.json": { padding_side: "top" } },
      'padding_side of FOLDER/tokenizer_config.json is "top", expected "left" or "right"',
    ],
    [
      "a wrong length",
      { "vocab.txt": VOCABULARY.join("\n"), "tokenizer_config.json": { model_max_length: "512" } },
      'model_max_length of FOLDER/tokenizer_config.json is "512", expected a number of tokens',
    ],
    [
      "a vocabulary without the special tokens",
      { "vocab.txt": "[UNK]\n[CLS]\nx\n" },
      'missing token: "[SEP]" in FOLDER/vocab.txt, expected it on a line of its own',
    ],
    ["a vocabulary that is no text", { "vocab.txt": Uint8Array.of(0xff, 0xfe) }, "invalid UTF-8: FOLDER/vocab.txt"],
    [
      "a vocabulary of another kind",
      { "vocab.txt": VOCABULARY.join("\n"), "tokenizer_config.json": { tokenizer_class: "EsmTokenizer" } },
      'not a vocabulary of BERT\'s kind: FOLDER/vocab.txt is of the class "EsmTokenizer", expected a tokenizer.json',
    ],
    [
      "an added token with another's number",
      {
        "vocab.txt": VOCABULARY.join("\n"),
        "tokenizer_config.json": { added_tokens_decoder: { 9: { content: "cat" } } },
      },
      'added_tokens_decoder["9"] of tokenizer_config.json is {"content":"cat"}, expected a token with the number that it has',
    ],
  ])("refuses %s", async (_, files, message) => {
    const path = folder(files);
    const error = await failure(() => AutoTokenizer.fromPretrained(path));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toMatch(/^AutoTokenizer\.fromPretrained: /);
    expect(error.message).toContain(message.replace("FOLDER", path));
  });

  it("says what a folder lacks", async () => {
    const path = folder({ "config.json": {} });
    expect((await failure(() => AutoTokenizer.fromPretrained(path))).message).toBe(
      `AutoTokenizer.fromPretrained: file not found: tokenizer.json or vocab.txt in ${path}`,
    );
  });
});

describe("Tokenizer", () => {
  it.each<[(tokenizer: Tokenizer) => unknown, new (message: string) => NablaError, string]>([
    [
      (t) => t.encodeBatch("cat" as never),
      ArgumentError,
      'encodeBatch: texts is wrong: "cat", expected an array of strings, or of pairs of them',
    ],
    [
      (t) => t.encodeBatch(["a", 5 as never]),
      ArgumentError,
      "encodeBatch: texts[1] is wrong: 5, expected a string, or an array of two",
    ],
    [
      (t) => t.encodeBatch([["a", "b", "c"] as never]),
      ArgumentError,
      'encodeBatch: texts[0] is wrong: ["a","b","c"], expected a string, or an array of two',
    ],
    [
      (t) => t.encodeBatch([["a", null] as never]),
      ArgumentError,
      'encodeBatch: texts[0] is wrong: ["a",null], expected a string, or an array of two',
    ],
    [(t) => t.encode(null as never), ArgumentError, "encode: text is wrong: null, expected a string"],
    [(t) => t.encode("a", 3 as never), ArgumentError, "encode: pair is wrong: 3, expected a string, null or nothing"],
    [
      (t) => t.encode("a", null, { maxLength: 0 }),
      ArgumentError,
      "encode: maxLength is wrong: 0, expected a positive integer",
    ],
    [
      (t) => t.encode("a", null, { padToMultipleOf: 1.5 }),
      ArgumentError,
      "encode: padToMultipleOf is wrong: 1.5, expected a positive integer",
    ],
    [
      (t) => t.encode("a", null, { padding: "max" as never }),
      ArgumentError,
      'encode: padding is wrong: "max", expected true, false, "longest" or "maxLength"',
    ],
    [
      (t) => t.encode("a", null, { truncation: "first" as never }),
      ArgumentError,
      'encode: truncation is wrong: "first", expected true, false, "longestFirst", "onlyFirst" or "onlySecond"',
    ],
    [
      (t) => t.encode("a", null, { addSpecialTokens: 1 as never }),
      ArgumentError,
      "encode: addSpecialTokens is wrong: 1, expected true or false",
    ],
    [
      (t) => t.encode("a", null, { max_length: 5 } as EncodeOptions),
      ArgumentError,
      'encode: unknown option: "max_length", did you mean "maxLength"?',
    ],
    [
      (t) => t.encode("a", null, { truncation: true }),
      ArgumentError,
      "encode: truncation has no limit: the tokenizer has no model_max_length, expected the option maxLength",
    ],
    [
      (t) => t.encodeBatch(["a"], { padding: "maxLength" }),
      ArgumentError,
      "encodeBatch: padding to maxLength has no limit: the tokenizer has no model_max_length, expected the option maxLength",
    ],
    [
      (t) => t.encode("a", null, { maxLength: 1 }),
      ArgumentError,
      "encode: maxLength is too small: 1 for the input, expected at least the 2 special tokens",
    ],
    [
      (t) => t.encodeBatch(["a", ["a", "b"]], { maxLength: 2 }),
      ArgumentError,
      "encodeBatch: maxLength is too small: 2 for texts[1], expected at least the 3 special tokens",
    ],
    [
      (t) => t.encode("cat", "the cat sat", { maxLength: 5, truncation: "onlyFirst" }),
      ArgumentError,
      "encode: the first text is too short to be truncated: 1 tokens in the input, which has 2 too many, expected more than these",
    ],
    [
      (t) => t.encodeBatch(["the cat sat"], { maxLength: 4, truncation: "onlySecond" }),
      ArgumentError,
      "encodeBatch: the second text is too short to be truncated: 0 tokens in texts[0], which has 1 too many, expected more than these",
    ],
    [
      (t) => t.encodeBatch(["cat", "cats"], { padding: false }),
      ArgumentError,
      "encodeBatch: lengths differ: texts[0] has 3 tokens, texts[1] has 4, expected padding or truncation",
    ],
    [
      (t) => t.decode(5 as never),
      ArgumentError,
      "decode: ids is wrong: 5, expected an array of numbers, such as `await tensor.data()`",
    ],
    [(t) => t.decode([1, 0.5]), ArgumentError, "decode: ids[1] is wrong: 0.5, expected the number of a token"],
    [(t) => t.decode([5, 9]), IndexError, "decode: ids[1] is no token's number: 9, expected 0 to 8"],
    [
      (t) => t.decodeBatch([[5], [-1]]),
      IndexError,
      "decodeBatch: batch[1][0] is no token's number: -1, expected 0 to 8",
    ],
    [
      (t) => t.decodeBatch(5 as never),
      ArgumentError,
      "decodeBatch: batch is wrong: 5, expected an array of arrays of numbers",
    ],
    [
      (t) => t.decode([5], { skip: true } as never),
      ArgumentError,
      'decode: unknown option: "skip", expected one of skipSpecialTokens',
    ],
    [(t) => t.tokenToId(5 as never), ArgumentError, "tokenToId: token is wrong: 5, expected a string"],
    [(t) => t.idToToken("a" as never), ArgumentError, 'idToToken: id is wrong: "a", expected a number'],
    [(t) => t.savePretrained(""), ArgumentError, 'savePretrained: folder is wrong: "", expected a folder\'s name'],
  ])("refuses %s", async (run, type, message) => {
    const tokenizer = await AutoTokenizer.fromPretrained(withVocabulary());
    const error = await failure(() => run(tokenizer));
    expect(error).toBeInstanceOf(type);
    expect(error.message).toBe(message);
  });

  it("makes empty batches, and batches that need no padding", async () => {
    const tokenizer = await AutoTokenizer.fromPretrained(withVocabulary());
    expect(tokenizer.encodeBatch([]).inputIds.shape).toEqual([0, 0]);
    expect(tokenizer.encodeBatch([], { maxLength: 4, padding: "maxLength" }).inputIds.shape).toEqual([0, 4]);
    expect(tokenizer.encodeBatch(["cat", "sat"], { padding: false }).tokenTypeIds.shape).toEqual([2, 3]);
    expect(tokenizer.encodeBatch(["the cat sat"], { maxLength: 2 }).inputIds.toArraySync()).toEqual([[2, 3]]);
  });

  it("decodes batches, and nothing to nothing", async () => {
    const tokenizer = await AutoTokenizer.fromPretrained(withVocabulary());
    const batch = [[2, 5, 6, 7, 3], Int32Array.of(2, 3), []];
    expect(tokenizer.decodeBatch(batch)).toEqual(["[CLS] the cats [SEP]", "[CLS] [SEP]", ""]);
    expect(tokenizer.decodeBatch(batch, { skipSpecialTokens: true })).toEqual(["the cats", "", ""]);
    expect([tokenizer.tokenToId("dog"), tokenizer.idToToken(9)]).toEqual([undefined, undefined]);
  });

  it("needs a token to pad with, and one for what it does not know", async () => {
    const bare = await AutoTokenizer.fromPretrained(folder({ "tokenizer.json": wordPiece() }));
    expect((await failure(() => bare.encodeBatch(["the", "the cat"]))).message).toBe(
      "encodeBatch: no token to pad with: the tokenizer has no pad_token, expected padding: false",
    );
    const unigram = { model: { type: "Unigram", vocab: [["a", -1]], unk_id: null } };
    const narrow = await AutoTokenizer.fromPretrained(folder({ "tokenizer.json": unigram }));
    expect(narrow.encode("a").ids).toEqual([0]);
    expect((await failure(() => narrow.encode("ab"))).message).toBe(
      "encode: unknown token: place 1 of the input, and the tokenizer has none for such",
    );
  });

  it("replaces what is in the folder where it is saved", async () => {
    const path = withVocabulary({ do_lower_case: false, model_max_length: 7 });
    const tokenizer = await AutoTokenizer.fromPretrained(path);
    await tokenizer.savePretrained(path);
    expect(JSON.parse(readFileSync(join(path, "tokenizer_config.json"), "utf8"))).toEqual({
      do_lower_case: false,
      model_max_length: 7,
    });
    const again = await AutoTokenizer.fromPretrained(path);
    expect(again.encode("The cat", null, { truncation: true }).ids).toEqual([2, 1, 6, 3]);
    expect(again.modelMaxLength).toBe(7);
  });
});

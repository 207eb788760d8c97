import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { checkBoolean, checkOptions, wrong } from "../checks.js";
import { ArgumentError, IndexError } from "../errors.js";
import { replaceFile, writeFully } from "../io/file.js";
import { tensor } from "../ops/creation.js";
import type { Tensor } from "../tensor.js";
import type { Backend } from "./backend.js";
import { roleId, type Role, type Side, type TokenizerConfig } from "./config.js";
import { ENCODE_OPTIONS, paddedLength, planLengths, truncate, type EncodeOptions, type Lengths } from "./lengths.js";
import { assemble, specialTokens, type Template } from "./template.js";

/** A text, or two that belong together, such as a question and a passage. */
export type TextInput = string | readonly [first: string, second: string];

/** A text, or a pair, as a model takes it. */
export interface Encoding {
  /** The numbers of the tokens. */
  ids: number[];
  tokens: string[];
  /** 1 for a token, 0 for padding. */
  attentionMask: number[];
  /** To which text a token belongs: 0 or 1 in BERT. */
  typeIds: number[];
}

/** Texts as models take them, by the names of their inputs: all [batch, length], int32. */
// A type, not an interface: so it is a record of tensors, such as models take.
export type BatchEncoding = {
  /** The numbers of the tokens. */
  inputIds: Tensor<"int32">;
  /** 1 for a token, 0 for padding. */
  attentionMask: Tensor<"int32">;
  /** To which text of a pair a token belongs. */
  tokenTypeIds: Tensor<"int32">;
};

export interface DecodeOptions {
  /** Leaves out [CLS], [SEP], [PAD] and the like. */
  skipSpecialTokens?: boolean;
}

/** @internal What a tokenizer is made of. */
export interface TokenizerParts {
  readonly backend: Backend;
  readonly template: Template;
  readonly config: TokenizerConfig;
  /** The contents of tokenizer.json and tokenizer_config.json. */
  readonly files: { readonly tokenizer: Record<string, unknown>; readonly config: Record<string, unknown> };
}

/** Turns text into the tokens of a model and back; `AutoTokenizer.fromPretrained` loads one. */
export class Tokenizer {
  /** The most tokens that the model takes; undefined where the files do not say it. */
  readonly modelMaxLength: number | undefined;
  /** Where padding is put, and where truncation takes from. */
  readonly paddingSide: Side;
  readonly truncationSide: Side;
  /** One more than the largest number of a token, added ones too: the least `inputDim` of an `Embedding`. */
  readonly vocabSize: number;
  /** Undefined, as those below, where the tokenizer has no such token. */
  readonly padTokenId: number | undefined;
  readonly unkTokenId: number | undefined;
  readonly clsTokenId: number | undefined;
  readonly sepTokenId: number | undefined;
  readonly maskTokenId: number | undefined;
  readonly bosTokenId: number | undefined;
  readonly eosTokenId: number | undefined;
  private readonly parts: TokenizerParts;
  private readonly specialIds: ReadonlySet<number>;

  /** @internal */
  constructor(parts: TokenizerParts) {
    const { backend, config, files } = parts;
    this.parts = parts;
    this.modelMaxLength = config.modelMaxLength;
    this.paddingSide = config.paddingSide;
    this.truncationSide = config.truncationSide;
    let last = -1;
    for (const id of backend.get_vocab().values()) last = Math.max(last, id);
    this.vocabSize = last + 1;
    const specials = new Map<string, number>();
    for (const { content, id, special } of backend.get_added_tokens_decoder().values())
      if (special) specials.set(content, id);
    this.specialIds = new Set(specials.values());
    const role = (name: Role): number | undefined =>
      roleId(files.config, name, specials, (token) => backend.token_to_id(token));
    this.padTokenId = role("pad");
    this.unkTokenId = role("unk");
    this.clsTokenId = role("cls");
    this.sepTokenId = role("sep");
    this.maskTokenId = role("mask");
    this.bosTokenId = role("bos");
    this.eosTokenId = role("eos");
  }

  /**
   * One text, or a pair, as arrays of numbers.
   *
   * @throws ArgumentError for what is no text, a wrong option, a `maxLength` below the number of special tokens, padding without a
   * token for it.
   */
  encode(text: string, pair?: string | null, options: EncodeOptions = {}): Encoding {
    checkOptions("encode", options, ENCODE_OPTIONS);
    const lengths = planLengths("encode", options, false, this.modelMaxLength);
    if (typeof text !== "string") throw wrong("encode", "text", text, "a string");
    if (pair !== undefined && pair !== null && typeof pair !== "string")
      throw wrong("encode", "pair", pair, "a string, null or nothing");
    const encoded = this.encodeOne("encode", typeof pair === "string" ? [text, pair] : [text], lengths, "the input");
    const [padded] = this.pad("encode", [encoded], lengths) as [Padded];
    const { ids, typeIds, attentionMask } = padded;
    return { ids, tokens: ids.map((id) => this.idToToken(id) ?? ""), attentionMask, typeIds };
  }

  /**
   * Texts, or pairs of texts, as tensors [batch, length] of int32, padded to the longest and truncated to `maxLength`, if that is given.
   *
   * @throws ArgumentError for what is no text, a wrong option, a `maxLength` below the number of special tokens, padding without a
   * token for it, or texts of different lengths without padding.
   */
  encodeBatch(texts: readonly TextInput[], options: EncodeOptions = {}): BatchEncoding {
    checkOptions("encodeBatch", options, ENCODE_OPTIONS);
    const lengths = planLengths("encodeBatch", options, true, this.modelMaxLength);
    if (!Array.isArray(texts)) throw wrong("encodeBatch", "texts", texts, "an array of strings, or of pairs of them");
    const rows = texts.map((input: unknown, i) => {
      const given: unknown[] = Array.isArray(input) && input.length === 2 ? input : [input];
      if (given.every((text) => typeof text === "string"))
        return this.encodeOne("encodeBatch", given, lengths, `texts[${i}]`);
      throw wrong("encodeBatch", `texts[${i}]`, input, "a string, or an array of two");
    });
    const padded = this.pad("encodeBatch", rows, lengths);
    const length = padded[0]?.ids.length ?? paddedLength(0, lengths);
    const odd = padded.findIndex(({ ids }) => ids.length !== length);
    if (odd >= 0) {
      throw new ArgumentError(
        `encodeBatch: lengths differ: texts[0] has ${length} tokens, texts[${odd}] has ${padded[odd]!.ids.length}, expected padding or truncation`,
      );
    }
    const stacked = (name: keyof Padded): Tensor<"int32"> => {
      const data = new Int32Array(padded.length * length);
      for (const [i, row] of padded.entries()) data.set(row[name], i * length);
      return tensor(data, { shape: [padded.length, length] }) as Tensor<"int32">;
    };
    return {
      inputIds: stacked("ids"),
      attentionMask: stacked("attentionMask"),
      tokenTypeIds: stacked("typeIds"),
    };
  }

  /**
   * The text of tokens; not always the one that they came from.
   *
   * @throws ArgumentError for what are no numbers. @throws IndexError for a number that no token has.
   */
  decode(ids: ArrayLike<number>, options: DecodeOptions = {}): string {
    return this.decodeOne("decode", "ids", ids, options);
  }

  /** The texts of several lists of tokens; see {@link decode}. */
  decodeBatch(batch: readonly ArrayLike<number>[], options: DecodeOptions = {}): string[] {
    if (!Array.isArray(batch)) throw wrong("decodeBatch", "batch", batch, "an array of arrays of numbers");
    return batch.map((ids: ArrayLike<number>, i) => this.decodeOne("decodeBatch", `batch[${i}]`, ids, options));
  }

  /** The number of a token, special and added ones too. */
  tokenToId(token: string): number | undefined {
    if (typeof token !== "string") throw wrong("tokenToId", "token", token, "a string");
    return this.parts.backend.token_to_id(token);
  }

  /** The token of a number. */
  idToToken(id: number): string | undefined {
    if (typeof id !== "number") throw wrong("idToToken", "id", id, "a number");
    return this.parts.backend.id_to_token(id);
  }

  /**
   * Writes tokenizer.json and tokenizer_config.json to a folder, which is made if there is none: `fromPretrained` gives the same
   * tokenizer from there, in Python too.
   */
  async savePretrained(folder: string): Promise<void> {
    if (typeof folder !== "string" || folder === "" || folder.includes("\0"))
      throw wrong("savePretrained", "folder", folder, "a folder's name");
    await mkdir(folder, { recursive: true });
    const { tokenizer, config } = this.parts.files;
    for (const [file, value] of Object.entries({ "tokenizer.json": tokenizer, "tokenizer_config.json": config })) {
      const text = `${JSON.stringify(value, null, 2)}\n`;
      await replaceFile("savePretrained", join(folder, file), (handle) => writeFully(handle, Buffer.from(text)));
    }
  }

  private encodeOne(op: string, texts: readonly string[], lengths: Lengths, name: string): Encoded {
    const { template, backend } = this.parts;
    const pieces = texts.length === 2 ? template.pair : template.single;
    const tokens = texts.map((text) => {
      const { ids } = backend.encode(text);
      const place = ids.findIndex((id) => typeof id !== "number");
      if (place < 0) return ids as number[];
      throw new ArgumentError(`${op}: unknown token: place ${place} of ${name}, and the tokenizer has none for such`);
    });
    const special = lengths.addSpecialTokens ? specialTokens(pieces) : 0;
    const kept = truncate(op, tokens, special, lengths, this.truncationSide, name);
    return assemble(pieces, kept, lengths.addSpecialTokens);
  }

  private pad(op: string, rows: readonly Encoded[], lengths: Lengths): Padded[] {
    const longest = rows.reduce((most, { ids }) => Math.max(most, ids.length), 0);
    const target = paddedLength(longest, lengths);
    return rows.map(({ ids, typeIds }) => {
      const missing = Math.max(0, target - ids.length);
      if (missing > 0 && this.padTokenId === undefined)
        throw new ArgumentError(`${op}: no token to pad with: the tokenizer has no pad_token, expected padding: false`);
      const fill = (values: readonly number[], value: number): number[] => {
        const filling = new Array<number>(missing).fill(value);
        return this.paddingSide === "right" ? [...values, ...filling] : [...filling, ...values];
      };
      return {
        ids: fill(ids, this.padTokenId ?? 0),
        typeIds: fill(typeIds, this.parts.config.padTypeId),
        attentionMask: fill(new Array<number>(ids.length).fill(1), 0),
      };
    });
  }

  private decodeOne(op: string, name: string, ids: ArrayLike<number>, options: DecodeOptions): string {
    checkOptions(op, options, ["skipSpecialTokens"]);
    const skip = checkBoolean(op, "skipSpecialTokens", options.skipSpecialTokens ?? false);
    if (!Array.isArray(ids) && !(ArrayBuffer.isView(ids) && "length" in ids))
      throw wrong(op, name, ids, "an array of numbers, such as `await tensor.data()`");
    const kept: number[] = [];
    for (const [i, id] of Array.from(ids).entries()) {
      if (!Number.isInteger(id)) throw wrong(op, `${name}[${i}]`, id, "the number of a token");
      if (this.idToToken(id) === undefined)
        throw new IndexError(`${op}: ${name}[${i}] is no token's number: ${id}, expected 0 to ${this.vocabSize - 1}`);
      if (!skip || !this.specialIds.has(id)) kept.push(id);
    }
    if (kept.length === 0) return "";
    return this.parts.backend.decode(kept, { clean_up_tokenization_spaces: this.parts.config.cleanUpSpaces });
  }
}

interface Encoded {
  readonly ids: readonly number[];
  readonly typeIds: readonly number[];
}

interface Padded {
  readonly ids: number[];
  readonly typeIds: number[];
  readonly attentionMask: number[];
}

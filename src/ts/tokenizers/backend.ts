import * as library from "@huggingface/tokenizers";
import { FormatError } from "../errors.js";
import { isObject } from "../io/json.js";
import { isId, malformed } from "./template.js";

// Imported when a tokenizer is loaded, and not before: so the library is.

/** What is used of the library's `Tokenizer`. */
export interface Backend {
  normalizer: unknown;
  /** There is no number for what no token stands for. */
  encode(text: string): { ids: (number | null | undefined)[] };
  decode(ids: number[], options: { clean_up_tokenization_spaces: boolean }): string;
  token_to_id(token: string): number | undefined;
  id_to_token(id: number): string | undefined;
  get_vocab(): Map<string, number>;
  get_added_tokens_decoder(): Map<number, { content: string; id: number; special: boolean }>;
}

interface BertNormalizerConfig {
  readonly clean_text?: boolean;
  readonly handle_chinese_chars?: boolean;
  readonly strip_accents?: boolean | null;
  readonly lowercase?: boolean;
}

declare class LibraryBertNormalizer {
  readonly config: BertNormalizerConfig;
  constructor(config: BertNormalizerConfig);
  normalize(text: string): string;
  clean_text(text: string): string;
  strip_accents(text: string): string;
}

// Its own types import each other without extensions, which TypeScript does not resolve in an ES module.
const { BertNormalizer, Tokenizer } = library as unknown as {
  BertNormalizer: typeof LibraryBertNormalizer;
  Tokenizer: new (tokenizer: object, config: object) => Backend;
};

/**
 * Splits text with the parts of a tokenizer.json: added tokens, normalizer, pre-tokenizer, model; and puts it together with the
 * decoder. Special tokens are not its business.
 *
 * @param place the file, for messages.
 * @throws FormatError for what the library does not take.
 */
export function makeBackend(op: string, json: Record<string, unknown>, place: string): Backend {
  checkModel(op, json["model"], place);
  checkAddedTokens(op, json["added_tokens"], place);
  const { normalizer = null, pre_tokenizer = null, decoder = null, added_tokens = [], model } = json;
  let backend: Backend;
  try {
    backend = new Tokenizer({ model, normalizer, pre_tokenizer, decoder, added_tokens, post_processor: null }, {});
  } catch (error) {
    throw new FormatError(`${op}: not a tokenizer that is known: ${place}, ${(error as Error).message}`);
  }
  if (backend.normalizer instanceof BertNormalizer) {
    backend.normalizer = new ExactBertNormalizer(backend.normalizer.config);
  }
  return backend;
}

function checkModel(op: string, model: unknown, place: string): void {
  if (!isObject(model)) throw malformed(op, "model", model, place, "an object");
  const { type, vocab, unk_token: unknown } = model;
  if (type === "Unigram") return;
  if (type !== "WordPiece" && type !== "BPE")
    throw malformed(op, "model.type", type, place, "one of BPE, Unigram, WordPiece");
  if (!isObject(vocab)) throw malformed(op, "model.vocab", vocab, place, "an object of numbers by token");
  for (const [token, id] of Object.entries(vocab)) {
    if (!isId(id)) throw malformed(op, `model.vocab[${JSON.stringify(token)}]`, id, place, "the token's number");
  }
  const optional = type === "BPE" && (unknown === undefined || unknown === null);
  if (!optional && (typeof unknown !== "string" || !Object.hasOwn(vocab, unknown)))
    throw malformed(op, "model.unk_token", unknown, place, "a token of model.vocab");
}

function checkAddedTokens(op: string, tokens: unknown, place: string): void {
  if (tokens === undefined) return;
  if (!Array.isArray(tokens)) throw malformed(op, "added_tokens", tokens, place, "an array of objects");
  for (const [i, token] of tokens.entries()) {
    if (!isObject(token) || !isId(token["id"]) || typeof token["content"] !== "string" || token["content"] === "")
      throw malformed(op, `added_tokens[${i}]`, token, place, '{ "id": number, "content": text }');
    if (token["single_word"] === true)
      throw malformed(op, `added_tokens[${i}]`, token, place, "none that is a single word: the library knows none");
  }
}

// The blocks of ideographs as BERT has them (the seventh begins where it does there, not where Unicode has it).
const IDEOGRAPH =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;

/**
 * The library's looks for ideographs among halves of surrogate pairs, and lets JavaScript choose the form of a sigma at the end of a
 * word; Hugging Face's tokenizers do not, and models learned from those.
 */
class ExactBertNormalizer extends BertNormalizer {
  override normalize(text: string): string {
    const { clean_text, handle_chinese_chars, strip_accents, lowercase } = this.config;
    let result = clean_text ? this.clean_text(text) : text;
    if (handle_chinese_chars) result = result.replace(IDEOGRAPH, " $& ");
    if (strip_accents ?? lowercase) result = this.strip_accents(result);
    return lowercase ? Array.from(result, (char) => char.toLowerCase()).join("") : result;
  }
}

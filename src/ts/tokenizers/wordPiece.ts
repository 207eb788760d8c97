import { isObject, show } from "../io/json.js";
import { FormatError } from "../errors.js";
import { ROLES, tokenOf } from "./config.js";
import { isId, malformed } from "./template.js";

const CLASSES = /^(?:Bert|DistilBert|Electra|MobileBert)Tokenizer(?:Fast)?$/;

/**
 * The tokenizer.json that a `vocab.txt` stands for: BERT's, a token a line (Devlin et al. 2018, https://arxiv.org/abs/1810.04805).
 *
 * @param config of the tokenizer_config.json: `do_lower_case`, `strip_accents`, `tokenize_chinese_chars`, names of special tokens.
 * @throws FormatError for bytes that are no UTF-8, a vocabulary without the special tokens, another class of tokenizer.
 */
export function wordPieceTokenizer(
  op: string,
  bytes: Uint8Array,
  config: Readonly<Record<string, unknown>>,
  file: string,
): Record<string, unknown> {
  const name = config["tokenizer_class"];
  if (name !== undefined && !(typeof name === "string" && CLASSES.test(name))) {
    throw new FormatError(
      `${op}: not a vocabulary of BERT's kind: ${file} is of the class ${show(name)}, expected a tokenizer.json`,
    );
  }
  const ids = readVocabulary(op, bytes, file);
  const special = (role: (typeof ROLES)[number], standard: string): [string, number] => {
    const token = tokenOf(config, role) ?? standard;
    const id = ids.get(token);
    if (id !== undefined) return [token, id];
    throw new FormatError(`${op}: missing token: ${show(token)} in ${file}, expected it on a line of its own`);
  };
  const unknown = special("unk", "[UNK]");
  const cls = special("cls", "[CLS]");
  const sep = special("sep", "[SEP]");
  const pad = special("pad", "[PAD]");
  const mask = special("mask", "[MASK]");
  const flag = (key: string, standard: boolean | null): unknown => config[key] ?? standard;
  const added = [pad, unknown, cls, sep, mask].map(([content, id]) => addedToken(id, { content, special: true }));
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [...added, ...otherTokens(op, config, ids, new Set(added.map(({ id }) => id)))],
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: flag("tokenize_chinese_chars", true),
      strip_accents: flag("strip_accents", null),
      lowercase: flag("do_lower_case", true),
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: bertTemplate(cls, sep),
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: unknown[0],
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(ids),
    },
  };
}

function readVocabulary(op: string, bytes: Uint8Array, file: string): Map<string, number> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new FormatError(`${op}: invalid UTF-8: ${file}, expected a token a line`);
  }
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return new Map(lines.map((line, i) => [line.trimEnd(), i]));
}

/** As files of added tokens have them; special ones are looked for in the text as it was given. */
function addedToken(id: number, given: Record<string, unknown>): Record<string, unknown> & { id: number } {
  const { content, single_word = false, lstrip = false, rstrip = false, special = false } = given;
  return { id, content, single_word, lstrip, rstrip, normalized: given["normalized"] ?? !special, special };
}

/** Those that the configuration adds to the special ones of BERT. */
function otherTokens(
  op: string,
  config: Readonly<Record<string, unknown>>,
  ids: ReadonlyMap<string, number>,
  known: ReadonlySet<number>,
): Record<string, unknown>[] {
  const place = "tokenizer_config.json";
  const listed = config["added_tokens_decoder"] ?? {};
  if (!isObject(listed)) throw malformed(op, "added_tokens_decoder", listed, place, "an object");
  const others = [];
  for (const [key, token] of Object.entries(listed)) {
    const id = Number(key);
    const content = isObject(token) ? token["content"] : undefined;
    if (!isId(id) || !isObject(token) || typeof content !== "string" || (ids.get(content) ?? id) !== id) {
      throw malformed(op, `added_tokens_decoder[${show(key)}]`, token, place, "a token with the number that it has");
    }
    if (!known.has(id)) others.push(addedToken(id, token));
  }
  return others;
}

function bertTemplate(cls: [string, number], sep: [string, number]): Record<string, unknown> {
  const special = ([id]: [string, number], type_id: number): object => ({ SpecialToken: { id, type_id } });
  const text = (id: "A" | "B", type_id: number): object => ({ Sequence: { id, type_id } });
  const single = [special(cls, 0), text("A", 0), special(sep, 0)];
  const tokens = [cls, sep].map(([id, number]) => [id, { id, ids: [number], tokens: [id] }]);
  return {
    type: "TemplateProcessing",
    single,
    pair: [...single, text("B", 1), special(sep, 1)],
    special_tokens: Object.fromEntries(tokens),
  };
}

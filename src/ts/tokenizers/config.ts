import { isObject } from "../io/json.js";
import { malformed } from "./template.js";

/** What special tokens are for, as tokenizer_config.json names it: `pad_token` and so on. */
export const ROLES = ["pad", "unk", "cls", "sep", "mask", "bos", "eos"] as const;
export type Role = (typeof ROLES)[number];

/** The names of BERT's kind and of RoBERTa's, for files that do not say them. */
const USUAL: Readonly<Record<Role, readonly string[]>> = {
  pad: ["[PAD]", "<pad>"],
  unk: ["[UNK]", "<unk>"],
  cls: ["[CLS]"],
  sep: ["[SEP]"],
  mask: ["[MASK]", "<mask>"],
  bos: ["<s>"],
  eos: ["</s>"],
};

export type Side = "left" | "right";

/** What a tokenizer takes from tokenizer_config.json. */
export interface TokenizerConfig {
  readonly modelMaxLength: number | undefined;
  readonly paddingSide: Side;
  readonly truncationSide: Side;
  readonly padTypeId: number;
  /** Whether decoded text loses the spaces before punctuation. */
  readonly cleanUpSpaces: boolean;
}

/** The text of a special token; null and undefined where none is named. */
export function tokenOf(config: Readonly<Record<string, unknown>>, role: Role): string | undefined {
  const token = config[`${role}_token`];
  const text = isObject(token) ? token["content"] : token;
  return typeof text === "string" ? text : undefined;
}

/** The number of a special token: the one that the configuration names, or one of the usual names among the special tokens. */
export function roleId(
  config: Readonly<Record<string, unknown>>,
  role: Role,
  specials: ReadonlyMap<string, number>,
  tokenToId: (token: string) => number | undefined,
): number | undefined {
  const named = tokenOf(config, role);
  if (named !== undefined) return tokenToId(named);
  const usual = USUAL[role].find((name) => specials.has(name));
  return usual === undefined ? undefined : specials.get(usual);
}

/** @throws FormatError naming what is wrong in the file. */
export function parseConfig(op: string, config: Readonly<Record<string, unknown>>, file: string): TokenizerConfig {
  const get = <T>(key: string, standard: T, isRight: (value: unknown) => boolean, expected: string): T => {
    const value = config[key] ?? standard;
    if (value === undefined || isRight(value)) return value as T;
    throw malformed(op, key, value, file, expected);
  };
  const isSide = (value: unknown): boolean => value === "left" || value === "right";
  const isCount = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0;
  const length = get<number | undefined>("model_max_length", undefined, isCount, "a number of tokens");
  return {
    // Hugging Face writes 10^30 for "no limit".
    modelMaxLength: length !== undefined && length <= Number.MAX_SAFE_INTEGER ? length : undefined,
    paddingSide: get<Side>("padding_side", "right", isSide, '"left" or "right"'),
    truncationSide: get<Side>("truncation_side", "right", isSide, '"left" or "right"'),
    padTypeId: get("pad_token_type_id", 0, isCount, "a whole number"),
    cleanUpSpaces: get("clean_up_tokenization_spaces", false, (v) => typeof v === "boolean", "true or false"),
  };
}

import { checkBoolean, checkPositive, wrong } from "../checks.js";
import { ArgumentError } from "../errors.js";
import type { Side } from "./config.js";

export type Truncation = "longestFirst" | "onlyFirst" | "onlySecond";

export interface EncodeOptions {
  /** The most tokens of a text or pair, special ones counted. */
  maxLength?: number;
  /**
   * `true` or `"longest"`: all get as many tokens as the longest. `"maxLength"`: all get `maxLength`, or what the model takes at most.
   * `false`: none is padded. By default `encodeBatch` pads to the longest and `encode` does not pad.
   */
  padding?: boolean | "longest" | "maxLength";
  /**
   * What of a text that has more tokens is left out: `true` or `"longestFirst"` takes from the longer of a pair until both are equally
   * long, then from both. `"onlyFirst"` and `"onlySecond"` leave the other text as it is. By default texts are truncated if
   * `maxLength` is given; with `true` and no `maxLength`, to what the model takes at most.
   */
  truncation?: boolean | Truncation;
  /** Whether the model's special tokens, such as [CLS] and [SEP], are added; they are by default. */
  addSpecialTokens?: boolean;
  /** Pads to a multiple of this. */
  padToMultipleOf?: number;
}

export const ENCODE_OPTIONS = ["maxLength", "padding", "truncation", "addSpecialTokens", "padToMultipleOf"] as const;

/** What is to become of lengths. */
export interface Lengths {
  readonly addSpecialTokens: boolean;
  readonly truncation: Truncation | undefined;
  /** Of truncation. */
  readonly limit: number;
  readonly padding: "longest" | "maxLength" | undefined;
  /** What `"maxLength"` pads to. */
  readonly padTo: number;
  readonly multipleOf: number;
}

/** @throws ArgumentError for a wrong value, or a limit that is needed and not known. */
export function planLengths(
  op: string,
  options: EncodeOptions,
  paddingDefault: boolean,
  modelMaxLength: number | undefined,
): Lengths {
  const { maxLength, padding = paddingDefault, truncation = maxLength !== undefined } = options;
  if (maxLength !== undefined) checkPositive(op, "maxLength", maxLength);
  if (typeof padding !== "boolean" && padding !== "longest" && padding !== "maxLength")
    throw wrong(op, "padding", padding, 'true, false, "longest" or "maxLength"');
  if (typeof truncation !== "boolean" && !["longestFirst", "onlyFirst", "onlySecond"].includes(truncation))
    throw wrong(op, "truncation", truncation, 'true, false, "longestFirst", "onlyFirst" or "onlySecond"');
  const most = maxLength ?? modelMaxLength;
  if (most === undefined && (truncation !== false || padding === "maxLength")) {
    const what = truncation === false ? "padding to maxLength" : "truncation";
    throw new ArgumentError(
      `${op}: ${what} has no limit: the tokenizer has no model_max_length, expected the option maxLength`,
    );
  }
  return {
    addSpecialTokens: checkBoolean(op, "addSpecialTokens", options.addSpecialTokens ?? true),
    truncation: truncation === true ? "longestFirst" : truncation || undefined,
    limit: most ?? Infinity,
    padding: padding === true ? "longest" : padding || undefined,
    padTo: most ?? 0,
    multipleOf: checkPositive(op, "padToMultipleOf", options.padToMultipleOf ?? 1),
  };
}

/** To how many tokens all are padded, of which the longest has so many. */
export function paddedLength(longest: number, { padding, padTo, multipleOf }: Lengths): number {
  if (padding === undefined) return 0;
  return Math.ceil((padding === "longest" ? longest : padTo) / multipleOf) * multipleOf;
}

/**
 * Shortens one text, or two, so that with the special tokens they have at most `limit`, from the end or the beginning; as Hugging
 * Face's tokenizers do.
 *
 * @param name of the text in messages.
 * @throws ArgumentError when the special tokens are more than `limit`, or the text to shorten has no more tokens than are too many.
 */
export function truncate(
  op: string,
  texts: readonly (readonly number[])[],
  specialTokens: number,
  { limit, truncation }: Lengths,
  side: Side,
  name: string,
): readonly (readonly number[])[] {
  if (truncation === undefined) return texts;
  if (specialTokens > limit) {
    throw new ArgumentError(
      `${op}: maxLength is too small: ${limit} for ${name}, expected at least the ${specialTokens} special tokens`,
    );
  }
  const room = limit - specialTokens;
  const lengths = texts.map(({ length }) => length);
  const excess = lengths.reduce((a, b) => a + b, 0) - room;
  if (excess <= 0) return texts;
  const keep = truncation === "longestFirst" ? longestFirst(lengths, room, limit) : lengths;
  if (truncation !== "longestFirst") {
    const target = truncation === "onlyFirst" ? 0 : 1;
    const length = lengths[target] ?? 0;
    if (length <= excess) {
      const which = target === 0 ? "first" : "second";
      throw new ArgumentError(
        `${op}: the ${which} text is too short to be truncated: ${length} tokens in ${name}, which has ${excess} too many, expected more than these`,
      );
    }
    keep[target]! -= excess;
  }
  return texts.map((ids, i) => (side === "right" ? ids.slice(0, keep[i]) : ids.slice(ids.length - keep[i]!)));
}

/** The shorter text stays whole while it has at most half of the room; otherwise each gets half, the longer one the odd token. */
function longestFirst(lengths: readonly number[], room: number, limit: number): number[] {
  if (lengths.length === 1) return [room];
  // Both are first cut to the limit, after which two long texts are equally long.
  const [first, second] = lengths.map((length) => Math.min(length, limit)) as [number, number];
  const shorter = Math.min(first, second, Math.floor(room / 2));
  return first > second ? [room - shorter, shorter] : [shorter, room - shorter];
}

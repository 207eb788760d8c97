import { FormatError } from "../errors.js";
import { isObject, show } from "../io/json.js";

/** What stands at one place of the model's input: one of the two texts, or a special token. */
type Piece =
  { readonly sequence: 0 | 1; readonly type: number } | { readonly ids: readonly number[]; readonly type: number };

/** How one text, or a pair, becomes a model's input. */
export interface Template {
  readonly single: readonly Piece[];
  readonly pair: readonly Piece[];
}

const PLAIN: Template = {
  single: [{ sequence: 0, type: 0 }],
  pair: [
    { sequence: 0, type: 0 },
    { sequence: 1, type: 1 },
  ],
};

/** How many special tokens it adds. */
export function specialTokens(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, piece) => sum + ("ids" in piece ? piece.ids.length : 0), 0);
}

/** The tokens of a text, or of two, among special ones, and to which part each belongs. */
export function assemble(
  pieces: readonly Piece[],
  texts: readonly (readonly number[])[],
  addSpecialTokens: boolean,
): { ids: number[]; typeIds: number[] } {
  const ids: number[] = [];
  const typeIds: number[] = [];
  for (const piece of pieces) {
    if ("ids" in piece && !addSpecialTokens) continue;
    for (const id of "ids" in piece ? piece.ids : texts[piece.sequence]!) {
      ids.push(id);
      typeIds.push(piece.type);
    }
  }
  return { ids, typeIds };
}

/**
 * The template that the `post_processor` of a tokenizer.json describes.
 *
 * @param place the file, for messages.
 * @throws FormatError for what it is not, or what is not known.
 */
export function parseTemplate(op: string, value: unknown, place: string): Template {
  if (value === undefined || value === null) return PLAIN;
  const type = isObject(value) ? value["type"] : undefined;
  if (!isObject(value)) throw malformed(op, "post_processor", value, place, "an object");
  switch (type) {
    case "ByteLevel": // Changes the places of tokens in the text only.
      return PLAIN;
    case "BertProcessing": {
      const { cls, sep } = classAndSeparator(op, value, place);
      return framed(cls, sep, [sep], 1);
    }
    case "RobertaProcessing": {
      const { cls, sep } = classAndSeparator(op, value, place);
      return framed(cls, sep, [sep, sep], 0);
    }
    case "TemplateProcessing":
      return {
        single: parsePieces(op, value, "single", place),
        pair: parsePieces(op, value, "pair", place),
      };
    case "Sequence": {
      const processors = value["processors"];
      if (!Array.isArray(processors))
        throw malformed(op, "post_processor.processors", processors, place, "an array of objects");
      const templates = processors.map((processor) => parseTemplate(op, processor, place));
      const own = templates.filter((template) => template !== PLAIN);
      if (own.length <= 1) return own[0] ?? PLAIN;
      throw malformed(op, "post_processor", value, place, "at most one that adds tokens");
    }
    default:
      throw malformed(
        op,
        "post_processor.type",
        type,
        place,
        "one of BertProcessing, ByteLevel, RobertaProcessing, Sequence, TemplateProcessing",
      );
  }
}

function framed(cls: number, sep: number, between: readonly number[], pairType: number): Template {
  const single: Piece[] = [
    { ids: [cls], type: 0 },
    { sequence: 0, type: 0 },
    { ids: [sep], type: 0 },
  ];
  const pair: Piece[] = [
    ...single.slice(0, 2),
    { ids: between, type: 0 },
    { sequence: 1, type: pairType },
    { ids: [sep], type: pairType },
  ];
  return { single, pair };
}

function classAndSeparator(op: string, value: Record<string, unknown>, place: string): { cls: number; sep: number } {
  const id = (name: string): number => {
    const pair = value[name];
    if (Array.isArray(pair) && isId(pair[1])) return pair[1];
    throw malformed(op, `post_processor.${name}`, pair, place, "[token, its number]");
  };
  return { cls: id("cls"), sep: id("sep") };
}

function parsePieces(op: string, value: Record<string, unknown>, name: "single" | "pair", place: string): Piece[] {
  const list = value[name];
  const known = value["special_tokens"];
  if (!Array.isArray(list)) throw malformed(op, `post_processor.${name}`, list, place, "an array of objects");
  return list.map((item: unknown, i): Piece => {
    const sequence = isObject(item) ? item["Sequence"] : undefined;
    const special = isObject(item) ? item["SpecialToken"] : undefined;
    const given = isObject(sequence) ? sequence : isObject(special) ? special : {};
    const type = given["type_id"] ?? 0;
    if (isId(type)) {
      if (given === sequence && given["id"] === "A") return { sequence: 0, type };
      if (given === sequence && given["id"] === "B" && name === "pair") return { sequence: 1, type };
      const token = given === special && isObject(known) ? known[String(given["id"])] : undefined;
      const ids = isObject(token) ? token["ids"] : undefined;
      if (Array.isArray(ids) && ids.every(isId)) return { ids, type };
    }
    const expected = 'a Sequence "A" or "B", or a SpecialToken of special_tokens';
    throw malformed(op, `post_processor.${name}[${i}]`, item, place, expected);
  });
}

/** Whether it may be the number of a token. No vocabulary is so large; the library makes arrays of this length. */
export function isId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 24;
}

/** The error for a part of a file. */
export function malformed(op: string, part: string, given: unknown, place: string, expected: string): FormatError {
  const shown = given === undefined ? "missing" : show(given);
  return new FormatError(`${op}: not a tokenizer: ${part} of ${place} is ${shown}, expected ${expected}`);
}

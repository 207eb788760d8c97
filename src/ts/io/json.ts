import { FormatError } from "../errors.js";

/** Deeper than any header or index goes; a parser might run out of stack far below it. */
const HEADER_DEPTH = 16;
const MOST_SHOWN = 80;

/**
 * How a part of a file reads in a message: as JSON, cut short; "nothing" for a field that is not there. `describe` is for values that the user made: a file may hold objects
 * with a `constructor` of any kind.
 */
export function show(value: unknown): string {
  const cut = typeof value === "string" && value.length > MOST_SHOWN ? `${value.slice(0, MOST_SHOWN)}…` : value;
  const text = (JSON.stringify(cut) as string | undefined) ?? "nothing";
  return typeof cut === "string" || text.length <= MOST_SHOWN ? text : `${text.slice(0, MOST_SHOWN)}…`;
}

/** Whether this is an object in the sense of JSON. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * JSON in UTF-8 from a file that nobody vouches for. Unlike `JSON.parse` alone it refuses objects that name a key twice, of
 * which JavaScript would keep the last and other readers the first.
 *
 * @param place what the bytes are, for messages: `the header of model.safetensors`.
 * @param maxDepth how deeply arrays and objects may be nested.
 * @throws FormatError
 */
export function parseJson(op: string, bytes: Uint8Array, place: string, maxDepth = HEADER_DEPTH): unknown {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new FormatError(`${op}: invalid UTF-8: ${place}, expected JSON in UTF-8`);
  }
  // Before the parser, which need not survive any depth.
  checkDepth(op, text, place, maxDepth);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new FormatError(`${op}: invalid JSON: ${place}, ${(error as Error).message}`);
  }
  checkKeys(op, text, place);
  return value;
}

/** The place behind a string that begins at `start`, or the end of a text in which it does not end. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

function checkDepth(op: string, text: string, place: string, maxDepth: number): void {
  let depth = 0;
  for (let at = 0; at < text.length;) {
    const char = text[at]!;
    if (char === "{" || char === "[") {
      if (++depth > maxDepth) {
        throw new FormatError(
          `${op}: JSON nested too deeply: ${place} at character ${at}, expected at most ${maxDepth} levels`,
        );
      }
    } else if (char === "}" || char === "]") depth--;
    at = char === '"' ? endOfString(text, at) : at + 1;
  }
}

/** Takes text that has been parsed, so that a string is a key where a colon follows it. */
function checkKeys(op: string, text: string, place: string): void {
  const open: Set<string>[] = [];
  for (let at = 0; at < text.length;) {
    const char = text[at]!;
    if (char === "{" || char === "[") open.push(new Set());
    else if (char === "}" || char === "]") open.pop();
    if (char !== '"') {
      at++;
      continue;
    }
    const start = at;
    at = endOfString(text, start);
    let next = at;
    while (next < text.length && text.charCodeAt(next) <= 0x20) next++;
    if (text[next] !== ":") continue;
    // Two spellings of a key are one key: "a" and "\u0061".
    const key = JSON.parse(text.slice(start, at)) as string;
    const keys = open.at(-1)!;
    if (keys.has(key)) {
      throw new FormatError(`${op}: duplicate name: ${show(key)} in ${place} at character ${start}, expected it once`);
    }
    keys.add(key);
  }
}

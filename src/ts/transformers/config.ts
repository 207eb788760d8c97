import { checkRange, wrong } from "../checks.js";
import { ArgumentError, FormatError } from "../errors.js";
import { readWhole } from "../io/file.js";
import { isObject, parseJson, show } from "../io/json.js";
import { checkInteger } from "../ops/arguments.js";
import { ACTIVATIONS, type BertActivation } from "./activation.js";

/** Says whether a value may be a field's. @throws ArgumentError if not. */
type Check<T> = (op: string, name: string, value: unknown) => T;

/** Of each field of a configuration: the check and the default. `vocabSize` is `vocab_size` in files. */
export type Fields<C> = { readonly [K in keyof C]-?: readonly [check: Check<C[K]>, byDefault: C[K]] };

/** A configuration, and the whole JSON that it came from, if it did. */
export interface SourcedConfig<C> {
  readonly config: C;
  readonly original: Readonly<Record<string, unknown>>;
}

const MOST_BYTES = 10_000_000;

export const checkRate: Check<number> = (op, name, value) => checkRange(op, name, value, 0, 1);

export const checkNonNegative: Check<number> = (op, name, value) => checkRange(op, name, value, 0);

export const checkToken: Check<number | null> = (op, name, value) =>
  value === null ? null : checkInteger(op, name, value, 0);

export const checkActivation: Check<BertActivation> = (op, name, value) => {
  if (typeof value === "string" && Object.hasOwn(ACTIVATIONS, value)) return value as BertActivation;
  throw wrong(op, name, value, `one of ${Object.keys(ACTIVATIONS).join(", ")}`);
};

/** The fields that the user gave, checked, with defaults for the rest. @throws ArgumentError */
export function completeConfig<C>(op: string, fields: Fields<C>, given: Partial<C>): C {
  return fill(fields, (name, check) => (given[name] === undefined ? undefined : check(op, String(name), given[name])));
}

/**
 * What a `config.json` says; `fixed` are keys that must have this value, if any.
 *
 * @throws ArgumentError when there is no such file. @throws FormatError naming the file and the field.
 */
export async function readConfig<C>(
  op: string,
  file: string,
  fields: Fields<C>,
  fixed: Readonly<Record<string, unknown>>,
): Promise<SourcedConfig<C>> {
  const original = parseJson(op, await readWhole(op, file, "configuration", MOST_BYTES), file);
  if (!isObject(original)) throw new FormatError(`${op}: not a configuration: ${file}, expected a JSON object`);
  for (const [key, expected] of Object.entries(fixed)) {
    const value = original[key] ?? expected;
    if (value === expected) continue;
    throw new FormatError(`${op}: ${key} does not fit: ${show(value)} in ${file}, expected ${show(expected)}`);
  }
  const config = fill(fields, (name, check) => {
    const key = snakeCase(String(name));
    const value = key === "num_labels" ? labelsOf(original) : original[key];
    if (value === undefined) return undefined;
    try {
      // Objects of a file are not for `describe`, which asks them who made them.
      return check(op, `${key} in ${file}`, typeof value === "object" && value !== null ? show(value) : value);
    } catch (error) {
      throw error instanceof ArgumentError ? new FormatError(error.message) : error;
    }
  });
  return { config, original };
}

/** The fields as files spell them, with those of the original that are not known, and `more`. */
export function configToJson<C extends { readonly numLabels: number }>(
  { config, original }: SourcedConfig<C>,
  more: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const { numLabels, ...rest } = config;
  const json: Record<string, unknown> = { ...original, ...more };
  delete json["num_labels"];
  for (const [name, value] of Object.entries(rest)) json[snakeCase(name)] = value;
  // Files say how many labels there are by listing them; that they are two goes without saying.
  if ((labelsOf(json) ?? 2) !== numLabels) {
    const names = Array.from({ length: numLabels }, (_, i) => `LABEL_${i}`);
    json["id2label"] = { ...names };
    json["label2id"] = Object.fromEntries(names.map((name, i) => [name, i]));
  }
  return json;
}

function labelsOf(json: Readonly<Record<string, unknown>>): unknown {
  const labels = json["id2label"];
  return isObject(labels) ? Object.keys(labels).length : json["num_labels"];
}

function fill<C>(fields: Fields<C>, read: <K extends keyof C>(name: K, check: Check<C[K]>) => C[K] | undefined): C {
  const filled = {} as C;
  for (const name of Object.keys(fields) as (keyof C)[]) {
    const [check, byDefault] = fields[name];
    const value = read(name, check);
    filled[name] = value === undefined ? byDefault : value;
  }
  return filled;
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

import { FormatError, NablaError } from "../errors.js";
import type { LayerClasses } from "../layers/fromConfig.js";
import { isObject, show } from "./json.js";

/** An object of a Keras configuration: a class by name, and its options in snake_case. */
export interface KerasObject {
  readonly className: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** All that stands beside these two. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What reading a configuration needs to know, and what it finds out. */
export interface Reading {
  /** The function that the user called, for messages. */
  readonly op: string;
  /** The file that is read. */
  readonly file: string;
  readonly customClasses: LayerClasses;
  /** The regularizers and constraints that were left out. */
  readonly ignored: string[];
}

/** @throws FormatError unless it is { class_name, config }. */
export function kerasObject(reading: Reading, value: unknown, what: string): KerasObject {
  if (!isObject(value) || typeof value["class_name"] !== "string") throw noObject(reading, value, what);
  const { class_name: className, config = {} } = value;
  // Old files have the layers of a Sequential themselves in this place.
  const options = Array.isArray(config) ? { layers: config as unknown[] } : config;
  if (!isObject(options)) throw noObject(reading, value, what);
  return { className, config: options, fields: value };
}

function noObject({ op, file }: Reading, value: unknown, what: string): FormatError {
  return new FormatError(`${op}: not ${what}: ${show(value)} in ${file}, expected { class_name, config }`);
}

/** `layer "conv1" (Conv2D)` */
export function describeObject(kind: string, { className, config, fields }: KerasObject): string {
  const name = config["name"] ?? fields["name"];
  return `${kind} ${name === undefined ? "without a name" : show(name)} (${className})`;
}

/** Runs what makes a part of the model: what is wrong then is wrong in the file. @throws FormatError */
export function fromFile<T>({ op, file }: Reading, what: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof NablaError) || error instanceof FormatError) throw error;
    throw new FormatError(`${op}: ${what} in ${file}: ${error.message}`);
  }
}

/** `batch_input_shape`: `batchInputShape`. */
export function camelCase(name: string): string {
  return name.replace(/(?<=[^_])_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** `batchInputShape`: `batch_input_shape`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** What a table has of its own under a name that a file says, which may be that of any object's property. */
export function lookUp<T>(table: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return table !== undefined && Object.hasOwn(table, name) ? table[name] : undefined;
}

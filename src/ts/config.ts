import { ArgumentError, describe } from "./errors.js";
import * as initializers from "./initializers.js";
import { unknownName } from "./suggest.js";

/** What JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** The options that make an object again, as JSON. */
export type Config = Readonly<Record<string, Json>>;

/** An object that is made again from its class's name and its options. */
export interface ClassConfig {
  readonly className: string;
  readonly config: Config;
}

interface Configurable {
  getConfig(): Config;
}

/**
 * @internal A value among an object's options as JSON. Initializers and whatever has a `getConfig` become a
 * {@link ClassConfig}.
 *
 * @throws ArgumentError for what no file can hold, such as a function.
 */
export function toJson(op: string, name: string, value: unknown): Json {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (Array.isArray(value)) return value.map((each, i) => toJson(op, `${name}[${i}]`, each));
  if (typeof value === "object") {
    if ("getConfig" in value) return { ...classConfig(value as Configurable) };
    if (isBuiltIn(value, initializers)) {
      return { className: value.constructor.name, config: recordToJson(op, name, { ...value }) };
    }
    if (Object.getPrototypeOf(value) === Object.prototype) return recordToJson(op, name, value);
  }
  const given = typeof value === "function" ? `a function ${value.name}`.trimEnd() : describe(value);
  throw new ArgumentError(
    `${op}: ${name} cannot be saved: ${given}, expected what JSON can hold, or an object with a getConfig`,
  );
}

/** @internal */
export function classConfig(value: Configurable): ClassConfig {
  return { className: value.constructor.name, config: value.getConfig() };
}

/** @internal The values that are not undefined as JSON. @throws ArgumentError for what no file can hold. */
export function recordToJson(op: string, name: string, record: object): Record<string, Json> {
  const known = Object.entries(record).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    known.map(([key, value]) => [key, toJson(op, name === "" ? key : `${name}.${key}`, value)]),
  );
}

/** Whether an object is of a class of this module, and not of one that the user wrote. */
function isBuiltIn(value: object, module: object): boolean {
  return (module as Record<string, unknown>)[value.constructor.name] === value.constructor;
}

/** @internal Whether a value in a config stands for an object. */
export function isClassConfig(value: unknown): value is ClassConfig {
  return typeof value === "object" && value !== null && "className" in value && "config" in value;
}

/**
 * @internal The options that a config stands for. Initializers are made again; `make` makes the other objects.
 *
 * @throws ArgumentError when it does, or an initializer refuses its options.
 */
export function fromJson(value: Json, make: (config: ClassConfig) => unknown): unknown {
  if (Array.isArray(value)) return value.map((each: Json) => fromJson(each, make));
  if (typeof value !== "object" || value === null) return value;
  if (isClassConfig(value)) {
    return Object.hasOwn(initializers, value.className) ? construct("initializer", value, initializers) : make(value);
  }
  return Object.fromEntries(Object.entries(value as Config).map(([key, each]) => [key, fromJson(each, make)]));
}

/** @internal An object of a class of `module`, made from plain options. @throws ArgumentError for an unknown class. */
export function construct(kind: string, { className, config }: ClassConfig, module: object): object {
  const classes = module as Record<string, new (options: unknown) => object>;
  if (!Object.hasOwn(module, className))
    throw unknownName("loadModel", `class of ${kind}`, className, Object.keys(module));
  return new classes[className]!(config);
}

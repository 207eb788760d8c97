import { ArgumentError, describe } from "../errors.js";
import * as initializers from "../initializers.js";
import type { AnyLayer } from "./symbolic.js";

/** What JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** The options that make a layer again, as JSON. */
export type LayerConfig = Readonly<Record<string, Json>>;

/** An object that is made again from its class's name and its options. */
export interface ClassConfig {
  readonly className: string;
  readonly config: LayerConfig;
}

/** A class of layers that can be made again: its options alone make it, unless it has a `fromConfig` of its own. */
export interface LayerClass {
  new (options: never): AnyLayer;
  readonly name: string;
  fromConfig?(config: LayerConfig, custom: CustomLayers): AnyLayer;
}

/** Classes of the user's own, by the names that they have in a file. */
export type CustomLayers = Readonly<Record<string, LayerClass>>;

/**
 * @internal A value of a layer's options as JSON.
 *
 * @throws ArgumentError for what no file can hold, such as a function.
 */
export function toJson(op: string, name: string, value: unknown): Json {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (Array.isArray(value)) return value.map((each, i) => toJson(op, `${name}[${i}]`, each));
  if (value instanceof initializers.Initializer && Object.hasOwn(initializers, value.constructor.name)) {
    return { className: value.constructor.name, config: recordToJson(op, name, { ...value }) };
  }
  if (typeof value === "object" && "getConfig" in value) {
    const layer = value as AnyLayer;
    return { className: layer.constructor.name, config: layer.getConfig() };
  }
  if (typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype) {
    return recordToJson(op, name, value as Record<string, unknown>);
  }
  const given = typeof value === "function" ? `a function ${value.name}`.trimEnd() : describe(value);
  throw new ArgumentError(
    `${op}: ${name} cannot be saved: ${given}, expected what JSON can hold, or getConfig in the class`,
  );
}

function recordToJson(op: string, name: string, record: Readonly<Record<string, unknown>>): Record<string, Json> {
  const known = Object.entries(record).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known.map(([key, value]) => [key, toJson(op, `${name}.${key}`, value)]));
}

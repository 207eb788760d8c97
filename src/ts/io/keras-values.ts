import { wrong } from "../checks.js";
import * as initializers from "../initializers.js";
import type { InitializerLike } from "../resolve.js";
import { unknownName } from "../suggest.js";
import { camelCase, lookUp } from "./keras-config.js";
import { isObject } from "./json.js";

/** Activations that Keras and tfjs know by another name than nabla. */
export const ACTIVATIONS: Readonly<Record<string, string>> = { swish: "silu" };
/** Likewise initializers. */
export const INITIALIZERS: Readonly<Record<string, string>> = {
  LeCunNormal: "LecunNormal",
  LeCunUniform: "LecunUniform",
  Normal: "RandomNormal",
};
/** Likewise the distributions of VarianceScaling: Keras once called both by the name of the first. */
const DISTRIBUTIONS: Readonly<Record<string, string>> = { normal: "truncatedNormal" };

/** What changes no value that an initializer draws, but which ones: there is one generator in nabla, that `setSeed` starts. */
const OF_THE_GENERATOR = ["seed", "dtype", "input_axes", "output_axes"];

type InitializerClass = new (options: object) => initializers.Initializer;

/** The name of an activation, from a name or the object of a function. @throws ArgumentError */
export function activationFrom(op: string, key: string, value: unknown): string {
  const given = isObject(value) && value["class_name"] === "function" ? value["config"] : value;
  if (typeof given !== "string") throw wrong(op, key, given, "the name of an activation");
  const name = camelCase(given);
  return lookUp(ACTIVATIONS, name) ?? name;
}

/** An initializer, from a name or { class_name, config }. @throws ArgumentError */
export function initializerFrom(op: string, key: string, value: unknown): InitializerLike {
  if (typeof value === "string") {
    const name = camelCase(value);
    return lowerFirst(lookUp(INITIALIZERS, upperFirst(name)) ?? name) as InitializerLike;
  }
  if (!isObject(value) || typeof value["class_name"] !== "string") throw wrong(op, key, value, "an initializer");
  const { class_name: name, config = {} } = value;
  if (!isObject(config)) throw wrong(op, key, config, "the options of an initializer");
  const className = lookUp(INITIALIZERS, name) ?? name;
  const all = initializerClasses();
  const found = all.get(className);
  if (!found) throw unknownName(op, "initializer", name, [...all.keys()]);
  const options = Object.entries(config).filter(([option, x]) => x !== null && !OF_THE_GENERATOR.includes(option));
  // Classes such as GlorotUniform are VarianceScaling with options of their own, which files of other writers repeat.
  const takes =
    className !== "VarianceScaling" && found.prototype instanceof initializers.VarianceScaling ? [] : options;
  return new found(Object.fromEntries(takes.map(([option, x]) => [camelCase(option), initializerOption(x)])));
}

function initializerOption(value: unknown): unknown {
  if (typeof value !== "string") return value;
  const name = camelCase(value);
  return lookUp(DISTRIBUTIONS, name) ?? name;
}

function initializerClasses(): ReadonlyMap<string, InitializerClass> {
  const classes = Object.values(initializers as Record<string, unknown>).filter(
    (value): value is InitializerClass =>
      typeof value === "function" && value.prototype instanceof initializers.Initializer,
  );
  return new Map(classes.map((each) => [each.name, each]));
}

function upperFirst(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

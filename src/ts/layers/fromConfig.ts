import { fromJson, type ClassConfig, type Config } from "../config.js";
import { unknownName } from "../suggest.js";
import * as layers from "./index.js";
import { Layer } from "./layer.js";
import type { AnyLayer } from "./symbolic.js";

/** Makes a layer, or an initializer, that is among the options of another. */
export type MakeLayer = (config: ClassConfig) => AnyLayer;

/** A class of layers that can be made again: `new` with its options, unless it has a `fromConfig` of its own. */
export interface LayerClass {
  new (options: never): AnyLayer;
  fromConfig?(config: Config, make: MakeLayer): AnyLayer;
}

/** Classes by the names that they have in a file. */
export type LayerClasses = Readonly<Record<string, LayerClass>>;

/**
 * @internal The layer that a config stands for, with new weights.
 *
 * @param classes beside those of `layers`; the same name there comes second.
 * @throws ArgumentError for a class that is not known, and for options that it refuses.
 */
export function layerFromConfig(op: string, given: ClassConfig, classes: LayerClasses): AnyLayer {
  const make: MakeLayer = (config) => layerFromConfig(op, config, classes);
  const { className, config } = given;
  const found = Object.hasOwn(classes, className) ? classes[className] : builtIn(className);
  if (!found) {
    const known = Object.keys(layers).filter((name) => builtIn(name));
    throw unknownName(op, "class of layers", className, [...Object.keys(classes), ...known]);
  }
  if (found.fromConfig) return found.fromConfig(config, make);
  return new found(fromJson(config, make) as never);
}

function builtIn(className: string): LayerClass | undefined {
  const value: unknown = Object.hasOwn(layers, className) ? (layers as Record<string, unknown>)[className] : undefined;
  return typeof value === "function" && value.prototype instanceof Layer ? (value as LayerClass) : undefined;
}

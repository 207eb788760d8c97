import { FormatError } from "../errors.js";
import { InputLayer } from "../layers/inputLayer.js";
import type { LayerClass, LayerClasses } from "../layers/fromConfig.js";
import type { AnyLayer } from "../layers/symbolic.js";
import { suggestion } from "../suggest.js";
import {
  camelCase,
  describeObject,
  fromFile,
  kerasObject,
  lookUp,
  type KerasObject,
  type Reading,
} from "./keras-config.js";
import { KERAS_LAYERS, type KerasLayer } from "./keras-layers.js";
import { isModelClass, modelFrom } from "./keras-model.js";
import { activationFrom, initializerFrom } from "./keras-values.js";
import { isObject, show } from "./json.js";

/** Options that no class has in nabla, and that change nothing that a layer computes. */
const ANYWHERE = ["seed", "input_dtype", "autocast"];
/** Options whose text is one of some names, which nabla has in camelCase. */
const NAMES = ["data_format", "interpolation", "padding", "merge_mode"];

/** The layer, or model, of a configuration. @throws FormatError naming the layer, its class and the file. */
export function layerFrom(reading: Reading, value: unknown): AnyLayer {
  const object = kerasObject(reading, value, "a layer");
  const { className, config } = object;
  if (isModelClass(className)) return modelFrom(reading, object);
  const what = describeObject("layer", object);
  return fromFile(reading, what, () => {
    if (className === "InputLayer") return new InputLayer(inputOptionsFrom(reading, object) as never);
    const custom = customClass(reading.customClasses, object);
    if (custom) return new custom(customOptions(config) as never);
    const known = lookUp(KERAS_LAYERS, className);
    if (!known) throw unknownClass(reading, object);
    const options = optionsFrom(reading, known, object, what);
    return new known.layer(
      (className === "Bidirectional" ? bothWays(reading, config, options) : options) as never,
    ) as AnyLayer;
  });
}

/** A class of the user's own, by its name, or by that under which Python's registered it. */
function customClass(custom: LayerClasses, { className, fields }: KerasObject): LayerClass | undefined {
  const names = [fields["registered_name"], className].filter((name) => typeof name === "string");
  const name = names.find((each) => Object.hasOwn(custom, each));
  return name === undefined ? undefined : custom[name];
}

function unknownClass({ op, file, customClasses }: Reading, object: KerasObject): FormatError {
  const known = [...Object.keys(KERAS_LAYERS), ...Object.keys(customClasses)];
  return new FormatError(
    `${op}: unknown layer class: ${describeObject("layer", object)} in ${file}, ${suggestion(object.className, known)} ` +
      "(a class of your own is given as customClasses)",
  );
}

/** The options of an InputLayer. @throws FormatError */
export function inputOptionsFrom(reading: Reading, object: KerasObject): Record<string, unknown> {
  const { config } = object;
  for (const flag of ["sparse", "ragged"]) {
    if (config[flag] === true) throw noOption(reading, flag, true, describeObject("layer", object));
  }
  const { trainable: _trainable, inputShape: shape, ...options } = commonOptions(config);
  return { ...options, shape };
}

/** The shape of one sample, by either of its names; undefined where there is none. */
function sampleShape(config: Readonly<Record<string, unknown>>): unknown {
  const shape = config["batch_input_shape"] ?? config["batch_shape"];
  return Array.isArray(shape) ? shape.slice(1) : (shape ?? undefined);
}

/** A dtype, from its name or the object of a policy. */
function dtypeFrom(value: unknown): unknown {
  if (!isObject(value)) return value ?? undefined;
  return isObject(value["config"]) ? value["config"]["name"] : value;
}

/** What every layer has, and what nabla calls otherwise. */
function commonOptions(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { name, trainable } = config;
  const [dtype, inputShape] = [dtypeFrom(config["dtype"]), sampleShape(config)];
  return {
    ...(name !== undefined && { name }),
    ...(typeof trainable === "boolean" && { trainable }),
    ...(dtype !== undefined && { dtype }),
    ...(inputShape !== undefined && { inputShape }),
  };
}

const COMMON = ["name", "trainable", "dtype", "batch_input_shape", "batch_shape"];

/** The options of a class of the user's own: all that there are, in camelCase. */
function customOptions(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const own = Object.entries(config).filter(([key]) => !COMMON.includes(key));
  return { ...commonOptions(config), ...Object.fromEntries(own.map(([key, value]) => [camelCase(key), value])) };
}

function optionsFrom(reading: Reading, known: KerasLayer, object: KerasObject, what: string): Record<string, unknown> {
  // Entries, so that a name such as __proto__ is an unknown option too.
  const options: [string, unknown][] = [];
  for (const [key, value] of Object.entries(object.config)) {
    if (COMMON.includes(key) || ANYWHERE.includes(key)) continue;
    if (/_(regularizer|constraint)$/.test(key)) {
      if (value !== null) reading.ignored.push(`${key} of ${what}`);
      continue;
    }
    // Null is what Python has in place of a default; where it says something, it is no default.
    if (value === null && key !== "merge_mode") continue;
    const neutral = lookUp(known.neutral, key);
    if (neutral !== undefined) {
      if (neutral !== null && !neutral.includes(value as never)) throw noOption(reading, key, value, what);
      continue;
    }
    options.push([lookUp(known.renamed, key) ?? camelCase(key), valueFrom(reading, known, key, value, what)]);
  }
  return { ...commonOptions(object.config), ...Object.fromEntries(options) };
}

function noOption({ op, file }: Reading, key: string, value: unknown, what: string): FormatError {
  return new FormatError(`${op}: nabla does not have the option: ${key} is ${show(value)} of ${what} in ${file}`);
}

function valueFrom(reading: Reading, known: KerasLayer, key: string, value: unknown, what: string): unknown {
  if (key.endsWith("_initializer")) return initializerFrom(what, key, value);
  if (key === "activation" || key === "recurrent_activation") return activationFrom(what, key, value);
  if (key === "layer" || key === "backward_layer") return layerFrom(reading, value);
  // tfjs has null for the size that is left.
  if (key === "target_shape" && Array.isArray(value)) return value.map((size: unknown) => size ?? -1);
  if (NAMES.includes(key) && typeof value === "string") return camelCase(value);
  if (known.single?.includes(key) && Array.isArray(value) && value.length === 1) return value[0] as unknown;
  return value;
}

/** Both layers of a Bidirectional, with the names that Keras gives them: the weights have these names. */
function bothWays(
  reading: Reading,
  config: Readonly<Record<string, unknown>>,
  options: Record<string, unknown>,
): Record<string, unknown> {
  const there = kerasObject(reading, config["layer"], "a layer");
  const name = String(there.config["name"] ?? "layer").replace(/^forward_/, "");
  const named = (direction: string, more: object): AnyLayer =>
    layerFrom(reading, {
      class_name: there.className,
      config: { ...there.config, ...more, name: `${direction}_${name}` },
    });
  const backward = config["backward_layer"] ?? null;
  return {
    ...options,
    layer: named("forward", {}),
    backwardLayer:
      backward === null
        ? named("backward", { go_backwards: there.config["go_backwards"] !== true })
        : options["backwardLayer"],
  };
}

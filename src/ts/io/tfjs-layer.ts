import { ArgumentError, DTypeError } from "../errors.js";
import { Bidirectional } from "../layers/bidirectional.js";
import type { Config, Json } from "../config.js";
import type { AnyLayer } from "../layers/symbolic.js";
import { TimeDistributed } from "../layers/timeDistributed.js";
import type { Tensor } from "../tensor.js";
import { snakeCase } from "./keras-config.js";
import { KERAS_LAYERS, type KerasLayer, type TfjsLayer } from "./keras-layers.js";
import { activationTo, initializerTo } from "./tfjs-values.js";
import { show } from "./json.js";

/** An object of a configuration, as tfjs reads it. */
export interface TfjsObject {
  readonly class_name: string;
  readonly config: Readonly<Record<string, Json>>;
}

/** A layer's class in tfjs, and what there is to know about it. @throws ArgumentError when tfjs does not have it. */
function classOf(op: string, layer: AnyLayer): KerasLayer & { className: string; tfjs: TfjsLayer } {
  const entry = Object.entries(KERAS_LAYERS).find(([, each]) => each.layer === layer.constructor);
  if (entry) {
    const [className, known] = entry;
    const { tfjs } = known;
    if (tfjs) return { ...known, tfjs, className };
  }
  throw new ArgumentError(
    `${op}: tfjs does not have the layer, or computes it otherwise: "${layer.name}" is a ${layer.constructor.name}, expected one of ${names()}`,
  );
}

function names(): string {
  return Object.keys(KERAS_LAYERS)
    .filter((name) => KERAS_LAYERS[name]!.tfjs)
    .join(", ");
}

/** The configuration of a layer. @throws ArgumentError, DTypeError for what tfjs does not have. */
export function layerTo(op: string, layer: AnyLayer): TfjsObject {
  const { className, renamed = {}, tfjs } = classOf(op, layer);
  if (layer.dtype !== "float32") {
    throw new DTypeError(`${op}: tfjs does not have the dtype: "${layer.name}" is ${layer.dtype}, expected float32`);
  }
  const { name, trainable, dtype: _dtype, inputShape: _inputShape, ...own } = layer.getConfig();
  const config: Record<string, Json> = { name: name!, trainable: trainable! };
  for (const [key, value] of Object.entries({ ...tfjs.defaults, ...own })) {
    checkOnly(op, layer, tfjs, key, value);
    if (key === "backwardLayer") continue;
    const pythonic = Object.keys(renamed).find((other) => renamed[other] === key) ?? snakeCase(key);
    config[pythonic] = key === "layer" ? (innerTo(op, layer) as unknown as Json) : valueTo(layer.name, op, key, value);
  }
  return { class_name: className, config };
}

function checkOnly(op: string, layer: AnyLayer, { only = {} }: TfjsLayer, key: string, value: Json): void {
  const able = only[key];
  if (!able || able.some((each) => JSON.stringify(each) === JSON.stringify(value))) return;
  throw new ArgumentError(
    `${op}: tfjs does not have the option: ${key} of "${layer.name}" is ${show(value)}, expected ${able.map(show).join(" or ")}`,
  );
}

function valueTo(name: string, op: string, key: string, value: Json): Json {
  if (key.endsWith("Initializer")) return initializerTo(`${op}: ${name}`, key, value);
  if (key === "activation" || key === "recurrentActivation") return activationTo(`${op}: ${name}`, key, value);
  return typeof value === "string" ? snakeCase(value) : value;
}

/** The layer inside another one. Of a Bidirectional tfjs knows one alone, of which it makes the other. */
function innerTo(op: string, layer: AnyLayer): TfjsObject {
  const wrapper: unknown = layer;
  if (wrapper instanceof TimeDistributed) return layerTo(op, wrapper.layer as AnyLayer);
  const { forwardLayer, backwardLayer } = wrapper as Bidirectional;
  const there = layerTo(op, forwardLayer as unknown as AnyLayer);
  const back = layerTo(op, backwardLayer as unknown as AnyLayer);
  const comparable = ({ class_name, config }: TfjsObject): string => {
    const { name: _name, go_backwards: _way, ...rest } = config as Config;
    return JSON.stringify([class_name, Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1))]);
  };
  if (comparable(there) !== comparable(back)) {
    throw new ArgumentError(
      `${op}: tfjs does not have a backwardLayer of its own: that of "${layer.name}" has other options than its layer, expected the same`,
    );
  }
  return { ...there, config: { ...there.config, name: innerName(forwardLayer.name) } };
}

/** tfjs puts the direction before the name, which it may have from there. */
function innerName(name: string): string {
  return name.replace(/^forward_/, "");
}

/** A layer's weights, by the names that they have in files of tfjs. */
export function weightsTo(op: string, layer: AnyLayer, scope: string = layer.name): [string, Tensor][] {
  const wrapper: unknown = layer;
  if (wrapper instanceof TimeDistributed) return weightsTo(op, wrapper.layer as AnyLayer, scope);
  if (wrapper instanceof Bidirectional) {
    const name = innerName(wrapper.forwardLayer.name);
    return [
      ...weightsTo(op, wrapper.forwardLayer as unknown as AnyLayer, `${scope}/forward_${name}`),
      ...weightsTo(op, wrapper.backwardLayer as unknown as AnyLayer, `${scope}/backward_${name}`),
    ];
  }
  const { weights = {} } = classOf(op, layer).tfjs;
  return [...layer.namedWeights()].map(([name, tensor]) => [`${scope}/${weights[name] ?? snakeCase(name)}`, tensor]);
}

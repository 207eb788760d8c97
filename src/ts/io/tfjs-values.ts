import { toJson, type ClassConfig, type Config, type Json } from "../config.js";
import { ArgumentError } from "../errors.js";
import { resolveInitializer, type InitializerLike } from "../resolve.js";
import { isObject } from "./json.js";
import { snakeCase } from "./keras-config.js";
import { ACTIVATIONS, INITIALIZERS } from "./keras-values.js";

/** What tfjs has. */
const TFJS_ACTIVATIONS = [
  "linear",
  "relu",
  "relu6",
  "sigmoid",
  "hardSigmoid",
  "softmax",
  "logSoftmax",
  "tanh",
  "elu",
  "selu",
  "swish",
  "mish",
  "gelu",
  "softplus",
  "softsign",
];

/** An activation as tfjs reads it. @throws ArgumentError for one that tfjs does not have. */
export function activationTo(op: string, key: string, value: Json): Json {
  const name = Object.keys(ACTIVATIONS).find((other) => ACTIVATIONS[other] === value) ?? value;
  if (!TFJS_ACTIVATIONS.includes(name as string)) {
    throw new ArgumentError(
      `${op}: tfjs has no such ${key}: ${JSON.stringify(value)}, expected one of ${TFJS_ACTIVATIONS.join(", ")}`,
    );
  }
  return snakeCase(name as string);
}

/** An initializer, by name or as an object, as tfjs reads it. */
export function initializerTo(op: string, key: string, value: Json): Json {
  const { className, config } = isObject(value)
    ? (value as unknown as ClassConfig)
    : (toJson(op, key, resolveInitializer(op, value as InitializerLike)) as unknown as ClassConfig);
  const name = Object.keys(INITIALIZERS).find((other) => INITIALIZERS[other] === className) ?? className;
  return { class_name: name, config: snakeCased(config) };
}

/** Options and the names among their values in snake_case. */
function snakeCased(config: Config): Json {
  const entries = Object.entries(config).map(([key, value]) => [
    snakeCase(key),
    typeof value === "string" ? snakeCase(value) : value,
  ]);
  return Object.fromEntries(entries) as Json;
}

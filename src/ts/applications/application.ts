import type { ActivationLike } from "../activations.js";
import { checkBoolean, checkOptions, checkPositive, wrong } from "../checks.js";
import { ArgumentError } from "../errors.js";
import { checkBatchShape, formatBatchShape, type BatchShape } from "../layers/batchShape.js";
import { Dense } from "../layers/dense.js";
import { GlobalAveragePooling2D } from "../layers/globalAveragePooling2d.js";
import { GlobalMaxPooling2D } from "../layers/globalMaxPooling2d.js";
import { checkFloatDType, type FloatDType } from "../layers/layer.js";
import type { SymbolicTensor } from "../layers/symbolic.js";
import { checkChoice } from "../ops/arguments.js";

export interface ApplicationOptions {
  /** A safetensors file to take the weights from, cast if it has other floats; null, the default, for random ones. */
  weights?: string | null;
  /** Whether the layers that classify follow; true by default. */
  includeTop?: boolean;
  /**
   * [height, width, channels] of an image, of at least 32 x 32 pixels. By default [224, 224, 3], and without the top
   * [null, null, 3], which takes images of any size.
   */
  inputShape?: BatchShape;
  /** What follows without the top: "avg" or "max" over all pixels, or nothing with null, the default. */
  pooling?: "avg" | "max" | null;
  /** How many classes the top tells apart; 1000 by default. */
  classes?: number;
  /** Of the last layer; "softmax" by default, null for logits. */
  classifierActivation?: ActivationLike | null;
  /** Of all layers: "float32", the default, or "float64". */
  dtype?: FloatDType;
  /** Of the model. */
  name?: string;
}

/** The options of every application, checked and with their defaults. */
export interface Application {
  readonly weights: string | null;
  readonly includeTop: boolean;
  readonly inputShape: BatchShape;
  readonly pooling: "avg" | "max" | null;
  readonly classes: number;
  readonly classifierActivation: ActivationLike;
  readonly dtype: FloatDType;
  readonly name: string | undefined;
}

const OPTIONS = ["weights", "includeTop", "inputShape", "pooling", "classes", "classifierActivation", "dtype", "name"];
const POOLINGS = ["avg", "max"] as const;
const LEAST_SIZE = 32;

/** `names` are options that the application has beside the common ones. @throws ArgumentError */
export function checkApplication(op: string, options: ApplicationOptions, names: readonly string[] = []): Application {
  checkOptions(op, options, [...OPTIONS, ...names]);
  const { weights = null, pooling = null, classifierActivation, dtype = "float32" } = options;
  if (weights !== null && (typeof weights !== "string" || weights === "")) {
    throw wrong(op, "weights", weights, "the name of a safetensors file, or null");
  }
  const includeTop = checkBoolean(op, "includeTop", options.includeTop ?? true);
  return {
    weights,
    includeTop,
    inputShape: checkInputShape(op, options.inputShape ?? (includeTop ? [224, 224, 3] : [null, null, 3]), includeTop),
    pooling: pooling === null ? null : checkChoice(op, "pooling", pooling, POOLINGS),
    classes: checkPositive(op, "classes", options.classes ?? 1000),
    classifierActivation: classifierActivation === null ? "linear" : (classifierActivation ?? "softmax"),
    dtype: checkFloatDType(op, dtype),
    name: options.name,
  };
}

function checkInputShape(op: string, given: BatchShape, includeTop: boolean): BatchShape {
  const shape = checkBatchShape(op, "inputShape", given);
  const [height, width, channels] = shape;
  if (shape.length !== 3 || channels === null) throw wrong(op, "inputShape", shape, "[height, width, channels]");
  if ((height ?? LEAST_SIZE) < LEAST_SIZE || (width ?? LEAST_SIZE) < LEAST_SIZE) {
    throw wrong(op, "inputShape", shape, `at least ${LEAST_SIZE} x ${LEAST_SIZE} pixels`);
  }
  if (includeTop && (height === null || width === null)) {
    throw new ArgumentError(
      `${op}: the top needs a known size: inputShape is ${formatBatchShape(shape)}, expected numbers, or includeTop: false`,
    );
  }
  return shape;
}

/** The layer that tells the classes apart. */
export function predictions({ classes, classifierActivation: activation, dtype }: Application): Dense {
  return new Dense({ units: classes, activation, name: "predictions", dtype });
}

/** What a model without a top gives. */
export function pooled(x: SymbolicTensor, { pooling, dtype }: Application): SymbolicTensor {
  if (pooling === null) return x;
  return (pooling === "avg" ? new GlobalAveragePooling2D({ dtype }) : new GlobalMaxPooling2D({ dtype })).apply(x);
}

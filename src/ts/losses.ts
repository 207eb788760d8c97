import { logitsOf } from "./activations.js";
import { recordToJson, type Config } from "./config.js";
import { checkBoolean, checkOptions, checkRange } from "./checks.js";
import { IndexError, ShapeError } from "./errors.js";
import { formatBatchShape, type BatchShape } from "./layers/batchShape.js";
import { maskedSum, type MaskOptions } from "./masks.js";
import { alignWeights } from "./sampleWeights.js";
import { add, div, maximum, mul, sub } from "./ops/binary.js";
import { cast } from "./ops/cast.js";
import { equal } from "./ops/compare.js";
import { arange } from "./ops/creation.js";
import { mean, sum } from "./ops/reduce.js";
import { expandDims } from "./ops/reshape.js";
import { softmaxCrossEntropy } from "./ops/softmaxCrossEntropy.js";
import { abs, clip, exp, log, neg, relu, square } from "./ops/unary.js";
import { alignLabels, alignTargets } from "./targets.js";
import type { Tensor } from "./tensor.js";

/** Keeps logarithms of probabilities finite. */
const EPSILON = 1e-7;

export interface LossOptions extends MaskOptions {
  /** What each value counts, by its leading axes: [samples], or [samples, time]. Null, the default, when all count alike. */
  sampleWeight?: Tensor | null;
}

/**
 * What training makes small. A new loss is one class here: `call` gives a value a sample, `apply` their mean; Keras'
 * name with a small first letter finds it.
 */
export abstract class Loss {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  /** The loss of each sample: the last axis of `yPred` is gone. */
  abstract call(yTrue: Tensor, yPred: Tensor): Tensor;

  /**
   * The mean loss: of all samples, or of those that a bool mask of their shape says to count (0 if none do). Weights
   * multiply the values; the sum is divided by the number of values, not by the sum of the weights.
   *
   * @throws ShapeError when targets, predictions, mask and weights do not fit together. @throws DTypeError
   */
  apply(yTrue: Tensor, yPred: Tensor, { mask = null, sampleWeight = null }: LossOptions = {}): Tensor {
    const unweighted = this.call(yTrue, yPred);
    const values = sampleWeight ? mul(unweighted, alignWeights(this.name, sampleWeight, unweighted)) : unweighted;
    if (mask === null) return mean(values);
    const { total, count } = maskedSum(this.name, values, mask);
    return div(total, maximum(count, 1));
  }

  /**
   * Checks the targets of a training before it begins. By default they must have the output's shape.
   *
   * @throws ShapeError
   */
  checkTargets(op: string, shape: BatchShape, output: BatchShape): void {
    const flat = output.at(-1) === 1 && fits(shape, output.slice(0, -1));
    if (!flat && !fits(shape, output)) throw misfit(op, this.name, shape, output);
  }

  /** The options that make this loss again, as JSON: by default what it has in its fields. */
  getConfig(): Config {
    return recordToJson(this.name, "", { ...this, name: undefined });
  }

  /** Checks the values of the targets; by default all are allowed. @throws IndexError */
  checkValues?(op: string, values: ArrayLike<number>, output: BatchShape): void;
}

export interface CrossentropyOptions {
  /** Whether the predictions are logits: what comes before softmax or sigmoid. Probabilities by default. */
  fromLogits?: boolean;
}

export interface SmoothedCrossentropyOptions extends CrossentropyOptions {
  /** From 0 to below 1: how much of each target is spread evenly over the classes; 0 by default. */
  labelSmoothing?: number;
}

/** The cross-entropy of predicted classes with integer labels. */
export class SparseCategoricalCrossentropy extends Loss {
  readonly fromLogits: boolean;

  constructor(options: CrossentropyOptions = {}) {
    super("sparseCategoricalCrossentropy");
    checkOptions(this.name, options, ["fromLogits"]);
    this.fromLogits = checkBoolean(this.name, "fromLogits", options.fromLogits ?? false);
  }

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    const labels = alignLabels(this.name, yTrue, yPred);
    const logits = this.fromLogits ? yPred : logitsOf(yPred, "softmax");
    if (logits) return softmaxCrossEntropy(logits, labels, { reduction: "none" });
    const isLabel = equal(
      expandDims(labels, -1),
      arange(yPred.shape.at(-1)!, { dtype: "int32", device: yPred.device }),
    );
    return neg(sum(mul(cast(isLabel, yPred.dtype), logProbabilities(yPred)), { axis: -1 }));
  }

  override checkTargets(op: string, shape: BatchShape, output: BatchShape): void {
    const labels = shape.length === output.length && shape.at(-1) === 1 ? shape.slice(0, -1) : shape;
    if (!fits(labels, output.slice(0, -1))) throw misfit(op, this.name, shape, output);
  }

  override checkValues(op: string, values: ArrayLike<number>, output: BatchShape): void {
    const classes = output.at(-1);
    if (typeof classes !== "number") return;
    for (let i = 0; i < values.length; i++) {
      const label = values[i]!;
      if (Number.isInteger(label) && label >= 0 && label < classes) continue;
      throw new IndexError(
        `${op}: label out of range: label ${i} is ${label}, expected an integer from 0 to ${classes - 1} for ${classes} classes`,
      );
    }
  }
}

/** The cross-entropy of predicted with given probabilities of classes (one-hot, for example). */
export class CategoricalCrossentropy extends Loss {
  readonly fromLogits: boolean;
  readonly labelSmoothing: number;

  constructor(options: SmoothedCrossentropyOptions = {}) {
    super("categoricalCrossentropy");
    checkOptions(this.name, options, ["fromLogits", "labelSmoothing"]);
    this.fromLogits = checkBoolean(this.name, "fromLogits", options.fromLogits ?? false);
    this.labelSmoothing = checkRange(this.name, "labelSmoothing", options.labelSmoothing ?? 0, 0, 1);
  }

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    const targets = alignTargets(this.name, yTrue, yPred);
    const logits = this.fromLogits ? yPred : logitsOf(yPred, "softmax");
    const { labelSmoothing } = this;
    if (logits) return softmaxCrossEntropy(logits, targets, { reduction: "none", labelSmoothing });
    const smoothed = smooth(targets, labelSmoothing, yPred.shape.at(-1)!);
    return neg(sum(mul(smoothed, logProbabilities(yPred)), { axis: -1 }));
  }
}

/** The cross-entropy of each element, a probability, with a target from 0 to 1. */
export class BinaryCrossentropy extends Loss {
  readonly fromLogits: boolean;
  readonly labelSmoothing: number;

  constructor(options: SmoothedCrossentropyOptions = {}) {
    super("binaryCrossentropy");
    checkOptions(this.name, options, ["fromLogits", "labelSmoothing"]);
    this.fromLogits = checkBoolean(this.name, "fromLogits", options.fromLogits ?? false);
    this.labelSmoothing = checkRange(this.name, "labelSmoothing", options.labelSmoothing ?? 0, 0, 1);
  }

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    const target = smooth(alignTargets(this.name, yTrue, yPred), this.labelSmoothing, 2);
    const logits = this.fromLogits ? yPred : logitsOf(yPred, "sigmoid");
    if (logits) {
      // log(1 + exp(x)) - x y, written so that nothing overflows.
      const softplus = add(relu(logits), log(add(exp(neg(abs(logits))), 1)));
      return mean(sub(softplus, mul(logits, target)), { axis: -1 });
    }
    const p = clip(yPred, EPSILON, 1 - EPSILON);
    const likelihood = add(mul(target, log(p)), mul(sub(1, target), log(sub(1, p))));
    return neg(mean(likelihood, { axis: -1 }));
  }
}

/** The mean of squared differences. */
export class MeanSquaredError extends Loss {
  constructor() {
    super("meanSquaredError");
  }
  call(yTrue: Tensor, yPred: Tensor): Tensor {
    return mean(square(sub(yPred, alignTargets(this.name, yTrue, yPred))), { axis: -1 });
  }
}

/** The mean of absolute differences. */
export class MeanAbsoluteError extends Loss {
  constructor() {
    super("meanAbsoluteError");
  }
  call(yTrue: Tensor, yPred: Tensor): Tensor {
    return mean(abs(sub(yPred, alignTargets(this.name, yTrue, yPred))), { axis: -1 });
  }
}

/** The logarithms of probabilities that were scaled to a sum of 1 and kept away from 0. */
function logProbabilities(p: Tensor): Tensor {
  return log(clip(div(p, sum(p, { axis: -1, keepDims: true })), EPSILON, 1 - EPSILON));
}

function smooth(target: Tensor, labelSmoothing: number, classes: number): Tensor {
  return labelSmoothing === 0 ? target : add(mul(target, 1 - labelSmoothing), labelSmoothing / classes);
}

/** Whether targets have the expected shape, but for the number of samples and for sizes that are not known. */
function fits(shape: BatchShape, expected: BatchShape): boolean {
  return shape.length === expected.length && expected.every((size, i) => i === 0 || size === null || size === shape[i]);
}

function misfit(op: string, loss: string, shape: BatchShape, output: BatchShape): ShapeError {
  return new ShapeError(
    `${op}: the targets do not fit the model: y is ${formatBatchShape(shape)}, the output is ${formatBatchShape(output)} (${loss})`,
  );
}

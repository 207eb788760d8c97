import { logitsOf } from "./activations.js";
import { checkOptions, checkRange } from "./checks.js";
import { recordToJson, type Config } from "./config.js";
import { maskedSum, type MaskOptions } from "./masks.js";
import { tidy } from "./memory.js";
import { sub } from "./ops/binary.js";
import { cast } from "./ops/cast.js";
import { equal, greater } from "./ops/compare.js";
import { argMax, sum } from "./ops/reduce.js";
import { abs, square } from "./ops/unary.js";
import { RunningMean } from "./runningMean.js";
import { sameShape } from "./shape.js";
import { withRecording } from "./tape.js";
import { alignLabels, alignTargets, targetsDiffer } from "./targets.js";
import type { Tensor } from "./tensor.js";

/**
 * A figure that says how good predictions are: the mean of `values` over all batches since `resetState`. A new metric
 * is one class here; Keras' name with a small first letter finds it.
 */
export abstract class Metric {
  readonly name: string;
  private readonly mean = new RunningMean();

  constructor(name: string) {
    this.name = name;
  }

  /** Whether better predictions make the figure fall or rise; null where nobody has said so. */
  get direction(): "min" | "max" | null {
    return null;
  }

  /** A value a sample, or an element; bool counts as 0 and 1. */
  abstract values(yTrue: Tensor, yPred: Tensor): Tensor;

  /** Counts a batch, or what a bool mask [batch, time] keeps of it. Waits for nothing. @throws ShapeError, DTypeError */
  updateState(yTrue: Tensor, yPred: Tensor, { mask = null }: MaskOptions = {}): void {
    withRecording(false, () =>
      tidy(() => {
        const values = this.values(yTrue, yPred);
        const kept = mask && maskedSum(this.name, values, mask);
        if (kept) this.mean.add(kept.count, kept.total);
        else this.mean.add(values.size, sum(values));
      }),
    );
  }

  /** The mean over the batches so far; NaN before the first. */
  result(): Promise<number> {
    return this.mean.result();
  }

  /** The options that make this metric again, as JSON: by default what it has in its fields. */
  getConfig(): Config {
    return recordToJson(this.name, "", { ...this, name: undefined, mean: undefined });
  }

  /** Forgets all batches. */
  resetState(): void {
    this.mean.reset();
  }
}

/** How often the most probable class is the integer label. */
export class SparseCategoricalAccuracy extends Metric {
  constructor() {
    super("sparseCategoricalAccuracy");
  }
  override get direction(): "min" | "max" {
    return "max";
  }
  values(yTrue: Tensor, yPred: Tensor): Tensor {
    return sparseMatches(this.name, yTrue, yPred);
  }
}

/** How often the most probable class is the most probable one of the targets (one-hot, for example). */
export class CategoricalAccuracy extends Metric {
  constructor() {
    super("categoricalAccuracy");
  }
  override get direction(): "min" | "max" {
    return "max";
  }
  values(yTrue: Tensor, yPred: Tensor): Tensor {
    return categoricalMatches(this.name, yTrue, yPred);
  }
}

/** How often a probability lies on its target's side of the threshold. */
export class BinaryAccuracy extends Metric {
  readonly threshold: number;
  constructor(options: { threshold?: number } = {}) {
    super("binaryAccuracy");
    checkOptions(this.name, options, ["threshold"]);
    this.threshold = checkRange(this.name, "threshold", options.threshold ?? 0.5, 0);
  }
  override get direction(): "min" | "max" {
    return "max";
  }
  values(yTrue: Tensor, yPred: Tensor): Tensor {
    return binaryMatches(this.name, yTrue, yPred, this.threshold);
  }
}

/** The accuracy that fits: binary for one output, sparse for labels, categorical for targets in the output's shape. */
export class Accuracy extends Metric {
  constructor() {
    super("accuracy");
  }
  override get direction(): "min" | "max" {
    return "max";
  }
  values(yTrue: Tensor, yPred: Tensor): Tensor {
    const outputs = yPred.shape.at(-1);
    if (outputs === 1) return binaryMatches(this.name, yTrue, yPred, 0.5);
    if (yTrue.rank < yPred.rank || yTrue.shape.at(-1) === 1) return sparseMatches(this.name, yTrue, yPred);
    return categoricalMatches(this.name, yTrue, yPred);
  }
}

/** The mean of squared differences. */
export class MeanSquaredError extends Metric {
  constructor() {
    super("meanSquaredError");
  }
  override get direction(): "min" | "max" {
    return "min";
  }
  values(yTrue: Tensor, yPred: Tensor): Tensor {
    return square(sub(yPred, alignTargets(this.name, yTrue, yPred)));
  }
}

/** The mean of absolute differences. */
export class MeanAbsoluteError extends Metric {
  constructor() {
    super("meanAbsoluteError");
  }
  override get direction(): "min" | "max" {
    return "min";
  }
  values(yTrue: Tensor, yPred: Tensor): Tensor {
    return abs(sub(yPred, alignTargets(this.name, yTrue, yPred)));
  }
}

function sparseMatches(op: string, yTrue: Tensor, yPred: Tensor): Tensor {
  return equal(argMax(yPred, { axis: -1 }), alignLabels(op, yTrue, yPred));
}

function categoricalMatches(op: string, yTrue: Tensor, yPred: Tensor): Tensor {
  if (!sameShape(yTrue.shape, yPred.shape)) throw targetsDiffer(op, yTrue, yPred);
  return equal(argMax(yTrue, { axis: -1 }), argMax(yPred, { axis: -1 }));
}

function binaryMatches(op: string, yTrue: Tensor, yPred: Tensor, threshold: number): Tensor {
  // A probability lies above the threshold where its logit lies above the threshold's.
  const isLogits = logitsOf(yPred, "sigmoid") === yPred;
  const limit = isLogits ? Math.log(threshold / (1 - threshold)) : threshold;
  return equal(cast(greater(yPred, limit), yPred.dtype), alignTargets(op, yTrue, yPred));
}

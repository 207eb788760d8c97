import { wrong } from "./checks.js";
import * as initializers from "./initializers.js";
import * as losses from "./losses.js";
import * as metrics from "./metrics.js";
import { checkTensor, copy } from "./op.js";
import * as optimizers from "./optimizers/index.js";
import type { Shape } from "./shape.js";
import { unknownName } from "./suggest.js";
import type { Tensor } from "./tensor.js";

// Names of optimizers, losses, metrics and initializers stand for the classes that their modules export: a new class
// there needs no line here.

type ClassNames<Module, Base> = {
  [K in keyof Module]: Module[K] extends new (...options: never[]) => Base ? K : never;
}[keyof Module] &
  string;

export type InitializerName = Uncapitalize<ClassNames<typeof initializers, initializers.Initializer>>;
export type LossName = Uncapitalize<ClassNames<typeof losses, losses.Loss>>;
export type MetricName = Uncapitalize<ClassNames<typeof metrics, metrics.Metric>>;
export type OptimizerName = Lowercase<ClassNames<typeof optimizers, optimizers.Optimizer>>;

/** A name, an initializer, or a function that makes the values. */
export type InitializerLike =
  InitializerName | initializers.Initializer | ((shape: Shape, dtype: "float32" | "float64") => Tensor);

/** A name, a loss, or a function that gives a loss for each sample. */
export type LossLike = LossName | losses.Loss | ((yTrue: Tensor, yPred: Tensor) => Tensor);

/** A name, a metric, or a function whose values are averaged. */
export type MetricLike = MetricName | metrics.Metric | ((yTrue: Tensor, yPred: Tensor) => Tensor);

/** A name (the optimizer with its defaults), or an optimizer. */
export type OptimizerLike = OptimizerName | optimizers.Optimizer;

class FunctionInitializer extends initializers.Initializer {
  readonly call: (shape: Shape, dtype: "float32" | "float64") => Tensor;
  constructor(call: (shape: Shape, dtype: "float32" | "float64") => Tensor) {
    super();
    this.call = call;
  }
}

class FunctionLoss extends losses.Loss {
  readonly call: (yTrue: Tensor, yPred: Tensor) => Tensor;
  constructor(call: (yTrue: Tensor, yPred: Tensor) => Tensor) {
    super(call.name || "loss");
    this.call = call;
  }
  override checkTargets(): void {}
}

class FunctionMetric extends metrics.Metric {
  readonly values: (yTrue: Tensor, yPred: Tensor) => Tensor;
  constructor(values: (yTrue: Tensor, yPred: Tensor) => Tensor) {
    super(values.name || "metric");
    this.values = values;
  }
}

/** @throws ArgumentError for what is neither an initializer nor the name of one. */
export function resolveInitializer(op: string, given: InitializerLike): initializers.Initializer {
  if (given instanceof initializers.Initializer) return given;
  if (typeof given === "function") {
    return new FunctionInitializer((shape, dtype) => {
      const made: unknown = given(shape, dtype);
      checkTensor(op, made);
      return copy([made], undefined)[0]!; // It may be a tensor that the user goes on using.
    });
  }
  return construct(op, "initializer", given, initializers, initializers.Initializer, uncapitalize);
}

/** @throws ArgumentError for what is neither a loss nor the name of one. */
export function resolveLoss(op: string, given: LossLike): losses.Loss {
  if (given instanceof losses.Loss) return given;
  if (typeof given === "function") return new FunctionLoss(given);
  return construct(op, "loss", given, losses, losses.Loss, uncapitalize);
}

/** @throws ArgumentError for what is neither a metric nor the name of one. */
export function resolveMetric(op: string, given: MetricLike): metrics.Metric {
  if (given instanceof metrics.Metric) return given;
  if (typeof given === "function") return new FunctionMetric(given);
  return construct(op, "metric", given, metrics, metrics.Metric, uncapitalize);
}

/** @throws ArgumentError for what is neither an optimizer nor the name of one. */
export function resolveOptimizer(op: string, given: OptimizerLike): optimizers.Optimizer {
  if (given instanceof optimizers.Optimizer) return given;
  const { Optimizer } = optimizers;
  return construct(op, "optimizer", given, optimizers, Optimizer, (name) => name.toLowerCase());
}

function construct<Base>(
  op: string,
  kind: string,
  given: unknown,
  module: Readonly<Record<string, unknown>>,
  base: abstract new (...options: never[]) => Base,
  spelling: (className: string) => string,
): Base {
  if (typeof given !== "string") throw wrong(op, kind, given, `a name or an instance of ${base.name}`);
  const classes = new Map<string, new () => Base>();
  for (const [name, value] of Object.entries(module)) {
    if (typeof value === "function" && value.prototype instanceof base) {
      classes.set(spelling(name), value as new () => Base);
    }
  }
  const found = classes.get(given);
  if (!found) throw unknownName(op, kind, given, [...classes.keys()]);
  return new found();
}

function uncapitalize(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

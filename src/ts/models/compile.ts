import { checkOptions, checkRange, wrong } from "../checks.js";
import { ArgumentError } from "../errors.js";
import type { Loss } from "../losses.js";
import { Metric } from "../metrics.js";
import type { Optimizer } from "../optimizers/index.js";
import {
  resolveLoss,
  resolveMetric,
  resolveOptimizer,
  type LossLike,
  type MetricLike,
  type OptimizerLike,
} from "../resolve.js";
import { unknownName } from "../suggest.js";

/** One value for each output of a model: in their order, or by their names. */
export type PerOutput<T> = readonly T[] | Readonly<Record<string, T>>;

export interface CompileOptions {
  /** What changes the weights, by name or as an object. */
  optimizer: OptimizerLike;
  /** What the training makes small, by name or as an object or function. For a model of several outputs one for all, or each its own. */
  loss: LossLike | PerOutput<LossLike>;
  /** What the losses of several outputs are multiplied by before they are added; 1 by default. */
  lossWeights?: PerOutput<number>;
  /**
   * Figures to watch. "accuracy" means the accuracy that fits the output and the targets. For a model of several outputs
   * names for all of them, or a list for each.
   */
  metrics?: readonly MetricLike[] | PerOutput<readonly MetricLike[]>;
}

/** How one output of a model is trained. */
export interface CompiledOutput {
  readonly loss: Loss;
  readonly weight: number;
  readonly metrics: readonly Metric[];
}

/** What `compile` chose. */
export interface Compiled {
  readonly optimizer: Optimizer;
  readonly outputs: readonly CompiledOutput[];
  /** The names of the losses of several outputs in the figures; null for one output, whose loss is the only one. */
  readonly lossNames: readonly string[] | null;
  /** The names of all metrics in the figures, output by output. */
  readonly metricNames: readonly string[];
}

/**
 * @param names of the model's outputs; null when only its results will tell.
 * @throws ArgumentError for unknown names and options, and for another number of losses than there are outputs.
 */
export function resolveCompile(options: CompileOptions, names: readonly string[] | null): Compiled {
  checkOptions("compile", options, ["optimizer", "loss", "lossWeights", "metrics"]);
  const { loss, lossWeights, metrics = [] } = options;
  const optimizer = resolveOptimizer("compile", options.optimizer);
  if (!isPerOutput(metrics)) throw wrong("compile", "metrics", metrics, "an array of names or metrics");
  const outputNames = names ?? (Array.isArray(loss) ? loss.map((_, i) => `output${i}`) : ["output"]);
  const count = outputNames.length;
  const losses = isPerOutput(loss)
    ? perOutput("loss", loss as PerOutput<LossLike>, outputNames)
    : new Array<LossLike>(count).fill(loss as LossLike);
  const weights = lossWeights === undefined ? [] : perOutput("lossWeights", lossWeights, outputNames);
  const lists = metricLists(metrics, outputNames);
  const outputs = losses.map((like, i) => ({
    loss: resolveLoss("compile", like!),
    weight: checkRange("compile", "lossWeights", weights[i] ?? 1, 0),
    metrics: (lists[i] ?? []).map((metric) => resolveMetric("compile", metric)),
  }));
  const several = count > 1;
  const lossNames = several ? outputNames.map((name) => `${name}Loss`) : null;
  const metricNames = outputs.flatMap((output, i) =>
    output.metrics.map(({ name }) => (several ? `${outputNames[i]!}${capitalize(name)}` : name)),
  );
  const all = ["loss", ...(lossNames ?? []), ...metricNames];
  const twice = all.find((name, i) => all.indexOf(name) !== i);
  if (twice !== undefined) throw new ArgumentError(`compile: two figures have the name "${twice}"`);
  return { optimizer, outputs, lossNames, metricNames };
}

/** A list or a record, and not one loss or metric. */
function isPerOutput(value: unknown): boolean {
  if (Array.isArray(value)) return true;
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** The values in the order of the outputs; those of a record may be missing. */
function perOutput<T>(option: string, given: PerOutput<T>, names: readonly string[]): readonly (T | undefined)[] {
  if (Array.isArray(given)) {
    if (given.length === names.length) return given as readonly T[];
    throw new ArgumentError(
      `compile: the number of ${option} differs: ${given.length} given, the model has the outputs ${names.join(", ")}`,
    );
  }
  const record = given as Readonly<Record<string, T>>;
  for (const name of Object.keys(record))
    if (!names.includes(name)) throw unknownName("compile", "output", name, names);
  if (option !== "loss") return names.map((name) => record[name]);
  return names.map((name) => {
    if (record[name] !== undefined) return record[name];
    throw new ArgumentError(`compile: a loss is missing: none for the output ${name}`);
  });
}

function metricLists(
  metrics: readonly MetricLike[] | PerOutput<readonly MetricLike[]>,
  names: readonly string[],
): readonly (readonly MetricLike[] | undefined)[] {
  const isNested = !Array.isArray(metrics) || metrics.some((metric) => Array.isArray(metric));
  if (isNested) return perOutput("metrics", metrics as PerOutput<readonly MetricLike[]>, names);
  const flat = metrics as readonly MetricLike[];
  const shared = names.length > 1 ? flat.find((metric) => metric instanceof Metric) : undefined;
  if (shared) {
    throw wrong("compile", "metrics", shared, "names, or a list for each output: a metric counts one output only");
  }
  return names.map(() => flat);
}

function capitalize(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

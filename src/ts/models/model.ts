import { checkOptions, wrong } from "../checks.js";
import { ArgumentError, ShapeError } from "../errors.js";
import type { BatchShape } from "../layers/batchShape.js";
import { Layer, type LayerOptions } from "../layers/layer.js";
import { tidy } from "../memory.js";
import { copy } from "../op.js";
import { assign } from "../ops/assign.js";
import { cast } from "../ops/cast.js";
import { tensor } from "../ops/creation.js";
import type { Optimizer } from "../optimizers/index.js";
import {
  resolveLoss,
  resolveMetric,
  resolveOptimizer,
  type LossLike,
  type MetricLike,
  type OptimizerLike,
} from "../resolve.js";
import { formatShape, sameShape, sizeOf } from "../shape.js";
import { withRecording } from "../tape.js";
import { Tensor } from "../tensor.js";
import type { History, Logs } from "./history.js";
import { predict, type PredictOptions } from "./predict.js";
import { SampleSet, type ModelInput } from "./samples.js";
import { trialShape } from "./trialShape.js";
import { summaryLines, type SummaryRow } from "./summary.js";
import { Trainer } from "./trainer.js";
import { evaluate, fit, type EvaluateOptions, type FitOptions } from "./training.js";

export interface CompileOptions {
  /** What changes the weights, by name or as an object. */
  optimizer: OptimizerLike;
  /** What the training makes small, by name or as an object or function. */
  loss: LossLike;
  /** Figures to watch. "accuracy" means the accuracy that fits the output and the targets. */
  metrics?: readonly MetricLike[];
}

export interface SummaryOptions {
  /** Takes each line; `console.log` by default. */
  printFn?: (line: string) => void;
}

/**
 * A layer that can be trained: the base of {@link Sequential}, and of models of your own with layers in their fields
 * and a `call(x, { training })`.
 */
export abstract class Model extends Layer {
  /** Set it in a callback to end the training after the running batch. */
  stopTraining = false;
  protected override readonly castsInput: boolean = false;
  private trialOutputShape: BatchShape | null = null;
  private trainer: Trainer | null = null;
  private chosenOptimizer: Optimizer | null = null;
  private busy = false;

  constructor(options: LayerOptions = {}) {
    super(options, []);
  }

  /** Builds the layers inside by running them on one sample of zeros. */
  override build(inputShape: BatchShape): void {
    this.trialOutputShape = trialShape(this.name, inputShape, this.dtype, (x) =>
      this.call(x, { training: false, mask: null }),
    );
    this.resetStates();
  }

  override get weights(): Tensor[] {
    this.requireBuilt("weights");
    return super.weights;
  }

  override get trainableWeights(): Tensor[] {
    this.requireBuilt("trainableWeights");
    return super.trainableWeights;
  }

  override get nonTrainableWeights(): Tensor[] {
    this.requireBuilt("nonTrainableWeights");
    return super.nonTrainableWeights;
  }

  /** The optimizer that `compile` chose. */
  get optimizer(): Optimizer | null {
    return this.chosenOptimizer;
  }

  /**
   * Chooses how to train.
   *
   * @throws ArgumentError for an unknown name, with the nearest one that exists.
   */
  compile(options: CompileOptions): void {
    checkOptions("compile", options, ["optimizer", "loss", "metrics"]);
    const given = options.metrics ?? [];
    if (!Array.isArray(given)) throw wrong("compile", "metrics", given, "an array of names or metrics");
    const optimizer = resolveOptimizer("compile", options.optimizer);
    const loss = resolveLoss("compile", options.loss);
    const metrics = given.map((metric: MetricLike) => resolveMetric("compile", metric));
    const names = ["loss", ...metrics.map((metric) => metric.name)];
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) throw new ArgumentError(`compile: two figures have the name "${twice}"`);
    this.chosenOptimizer = optimizer;
    this.trainer = new Trainer(this, { optimizer, loss, metrics });
  }

  /**
   * Trains the model on samples and their targets. The event loop stays free, and nothing has to be disposed of.
   *
   * @returns the figures of each epoch.
   * @throws ArgumentError, ShapeError, IndexError before anything has changed, for data and options that do not fit.
   */
  fit(x: ModelInput, y: ModelInput, options: FitOptions = {}): Promise<History> {
    return this.exclusive("fit", (trainer) => fit(trainer, x, y, options));
  }

  /** The loss and metrics on samples and their targets, as one record. */
  evaluate(x: ModelInput, y: ModelInput, options: EvaluateOptions = {}): Promise<Logs> {
    return this.exclusive("evaluate", (trainer) => evaluate(trainer, x, y, options));
  }

  /**
   * One training step on one batch, which is issued before this returns; the promise gives the batch's loss and
   * metrics. Labels out of range are found when the step runs.
   */
  async trainOnBatch(x: ModelInput, y: ModelInput): Promise<Logs> {
    const trainer = this.free("trainOnBatch");
    const samples = new SampleSet("trainOnBatch", x, y);
    let logs: Promise<Logs>;
    try {
      trainer.checkTargets("trainOnBatch", samples.y!, this.outputShapeFor(samples.x));
      trainer.prepare("trainOnBatch");
      trainer.reset();
      trainer.trainStep(samples, 0, samples.length, null);
      logs = trainer.logs();
    } finally {
      trainer.reset();
      samples.dispose();
    }
    return logs;
  }

  /** The model's results for samples, computed batch by batch. */
  predict(x: ModelInput, options: PredictOptions = {}): Promise<Tensor> {
    return predict(this, x, options);
  }

  /** Prints the layers with their shapes and parameters. @throws ArgumentError before the input shape is known. */
  summary(options: SummaryOptions = {}): void {
    checkOptions("summary", options, ["printFn"]);
    this.requireBuilt("summary");
    const print = options.printFn ?? ((line: string) => console.log(line));
    for (const line of summaryLines(this, this.summaryRows())) print(line);
  }

  /** Copies of all weights. */
  getWeights(): Tensor[] {
    return this.weights.map((weight) => withRecording(false, () => copy([weight], undefined)[0]!));
  }

  /**
   * Replaces all weights, in the order of `weights`: tensors, nested arrays, or typed arrays with as many elements.
   *
   * @throws ArgumentError, ShapeError before anything has changed.
   */
  setWeights(values: readonly ModelInput[]): void {
    const { weights } = this;
    if (!Array.isArray(values) || values.length !== weights.length) {
      const given = Array.isArray(values) ? `${values.length} values` : "no array";
      throw new ArgumentError(`setWeights: the number of weights differs: ${given}, the model has ${weights.length}`);
    }
    withRecording(false, () =>
      tidy(() => {
        const converted = weights.map((weight, i) => toWeight(weight, values[i] as ModelInput, i));
        weights.forEach((weight, i) => assign(weight, converted[i]!));
      }),
    );
  }

  /** @internal Builds the model for these samples, if need be, and gives the shape of its results. */
  outputShapeFor(x: Tensor): BatchShape {
    const shape = [null, ...x.shape.slice(1)];
    this.build(shape);
    return this.knowsOutputShape ? this.computeOutputShape(shape) : this.builtShape();
  }

  /** The shape of the results for the samples that the model was built for. */
  protected builtShape(): BatchShape {
    return this.trialOutputShape!;
  }

  protected summaryRows(): SummaryRow[] {
    return this.sublayers().map((layer) => ({ layer, outputShape: null }));
  }

  protected requireBuilt(what: string): void {
    if (this.built) return;
    throw new ArgumentError(
      `${what}: the model is not built: the input shape of ${this.name} is not known, ` +
        "give its first layer an inputShape, call build([null, …]), or call the model once",
    );
  }

  /** The compiled model for one use. @throws ArgumentError before `compile`, and while another use is running. */
  private free(op: string): Trainer {
    if (this.trainer === null) {
      throw new ArgumentError(`${op}: the model is not compiled: call compile({ optimizer, loss }) first`);
    }
    if (this.busy) throw new ArgumentError(`${op}: ${this.name} is training or evaluating already: await that first`);
    return this.trainer;
  }

  /** Runs a use of several steps, which must not be mixed with those of another one. */
  private async exclusive<T>(op: string, use: (trainer: Trainer) => Promise<T>): Promise<T> {
    const trainer = this.free(op);
    this.busy = true;
    try {
      return await use(trainer);
    } finally {
      this.busy = false;
    }
  }
}

/** A value that the user gave for a weight. @throws ShapeError */
function toWeight(weight: Tensor, value: ModelInput, place: number): Tensor {
  const { shape, dtype } = weight;
  const misfit = (given: string): ShapeError =>
    new ShapeError(
      `setWeights: value ${place} does not fit: it has ${given}, the weight has the shape ${formatShape(shape)}`,
    );
  if (ArrayBuffer.isView(value)) {
    if (value.length !== sizeOf(shape)) throw misfit(`${value.length} elements`);
    return tensor(value, { shape, dtype });
  }
  const made = value instanceof Tensor ? value : tensor(value, { dtype });
  made.check("setWeights");
  if (!sameShape(made.shape, shape)) throw misfit(`the shape ${formatShape(made.shape)}`);
  return made.dtype === dtype ? made : cast(made, dtype);
}

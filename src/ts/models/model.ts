import { checkOptions } from "../checks.js";
import type { Config } from "../config.js";
import type { Dataset } from "../data/dataset.js";
import { onStream, type Device } from "../device.js";
import { ArgumentError } from "../errors.js";
import type { MakeLayer } from "../layers/fromConfig.js";
import type { Tensors } from "../layers/layer.js";
import type { Optimizer } from "../optimizers/index.js";
import type { Tensor } from "../tensor.js";
import { splitArguments } from "./batches.js";
import { resolveCompile, type Compiled, type CompileOptions } from "./compile.js";
import { evaluate, type EvaluateOptions } from "./evaluate.js";
import { fit } from "./fit.js";
import type { FitOptions, TrainOptions } from "./fitOptions.js";
import { graphFromConfig } from "./graphConfig.js";
import type { History, Logs } from "./history.js";
import { Network, type ModelOptions } from "./network.js";
import { predict, type PredictOptions } from "./predict.js";
import { loadWeights, saveModel, saveWeights, type SaveOptions } from "./saving.js";
import { SampleSet, type ModelInputs } from "./samples.js";
import { summaryLines } from "./summary.js";
import { train, type TrainEvent } from "./train.js";
import { Trainer } from "./trainer.js";

export type { ModelOptions } from "./network.js";

export interface SummaryOptions {
  /** Takes each line; `console.log` by default. */
  printFn?: (line: string) => void;
}

/** A model without regard to what it takes and gives. */
export type AnyModel = Model<Tensors, Tensors>;

/**
 * A layer that can be trained: a graph of layers, from `inputs` to `outputs`, which are symbolic tensors or lists of them;
 * or a class of your own with layers in its fields and a `call(x, { training })`. `Model<Tensor[]>` takes several tensors,
 * `Model<Tensor, Tensor[]>` gives several.
 *
 * The layers of a graph belong to the model and to every other one that they are in. A model is a layer: applied to a
 * symbolic tensor it becomes a part of another one.
 *
 * @throws ArgumentError for outputs that need another input than those given, and for two layers of the same name.
 */
export class Model<In extends Tensors = Tensor, Out extends Tensors = Tensor> extends Network<In, Out> {
  /** Set it in a callback to end the training after the running batch. */
  stopTraining = false;
  private trainer: Trainer | null = null;
  private chosenOptimizer: Optimizer | null = null;
  private busy = false;

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
    const compiled = resolveCompile(options, this.outputNames);
    this.chosenOptimizer = compiled.optimizer;
    this.trainer = new Trainer(this as AnyModel, compiled);
  }

  /**
   * Trains the model on samples and their targets, or on a dataset whose elements are batches [x, y] or [x, y, sampleWeight]. The
   * event loop stays free, and nothing has to be disposed of.
   *
   * @returns the figures of each epoch.
   * @throws ArgumentError, ShapeError, IndexError before anything has changed, for data and options that do not fit. What a
   * dataset gives is checked batch by batch; its labels, when the step runs.
   */
  fit(dataset: Dataset<unknown>, options?: FitOptions): Promise<History>;
  fit(x: ModelInputs, y: ModelInputs, options?: FitOptions): Promise<History>;
  fit(x: ModelInputs | Dataset<unknown>, y?: ModelInputs | FitOptions, options?: FitOptions): Promise<History> {
    return this.exclusive("fit", (trainer) => {
      const { data, options: chosen } = splitArguments("fit", x, y as ModelInputs | FitOptions, options);
      return fit(trainer, data, chosen);
    });
  }

  /**
   * The training of {@link fit} as events to pass through with `for await`: when an epoch begins, after each batch, and when
   * an epoch ends. It goes on when the next event is asked for, and prints nothing. Leaving the loop ends the training.
   */
  train(dataset: Dataset<unknown>, options?: TrainOptions): AsyncGenerator<TrainEvent, void, void>;
  train(x: ModelInputs, y: ModelInputs, options?: TrainOptions): AsyncGenerator<TrainEvent, void, void>;
  async *train(
    x: ModelInputs | Dataset<unknown>,
    y?: ModelInputs | TrainOptions,
    options?: TrainOptions,
  ): AsyncGenerator<TrainEvent, void, void> {
    const trainer = this.free("train");
    this.busy = true;
    try {
      const { data, options: chosen } = splitArguments("train", x, y as ModelInputs | TrainOptions, options);
      yield* train("train", trainer, data, chosen, []);
    } finally {
      this.busy = false;
    }
  }

  /** The loss and metrics on samples and their targets, or on the batches of a dataset, as one record. */
  evaluate(dataset: Dataset<unknown>, options?: EvaluateOptions): Promise<Logs>;
  evaluate(x: ModelInputs, y: ModelInputs, options?: EvaluateOptions): Promise<Logs>;
  evaluate(
    x: ModelInputs | Dataset<unknown>,
    y?: ModelInputs | EvaluateOptions,
    options?: EvaluateOptions,
  ): Promise<Logs> {
    return this.exclusive("evaluate", (trainer) => {
      const { data, options: chosen } = splitArguments("evaluate", x, y as ModelInputs | EvaluateOptions, options);
      return evaluate(trainer, data, chosen);
    });
  }

  /**
   * One training step on one batch, which is issued before this returns; the promise gives the batch's loss and
   * metrics. Labels out of range are found when the step runs.
   */
  async trainOnBatch(x: ModelInputs, y: ModelInputs): Promise<Logs> {
    const trainer = this.free("trainOnBatch");
    const samples = new SampleSet("trainOnBatch", this, x, y);
    let logs: Promise<Logs>;
    try {
      trainer.checkTargets("trainOnBatch", samples, this.outputsFor(samples.x));
      trainer.prepare("trainOnBatch");
      trainer.reset();
      onStream(this.ownStream, () => trainer.trainStep(() => samples.batch(0, samples.length, null), null));
      logs = trainer.logs();
    } finally {
      trainer.reset();
      samples.dispose();
    }
    return logs;
  }

  /**
   * The model's results for samples, computed batch by batch, or for the batches of a dataset: their first parts, where they
   * are arrays of parts.
   */
  predict(x: ModelInputs | Dataset<unknown>, options: PredictOptions = {}): Promise<Out> {
    return predict(this as AnyModel, x, options) as Promise<Out>;
  }

  /** Prints the layers with their shapes and parameters. @throws ArgumentError before the input shape is known. */
  summary(options: SummaryOptions = {}): void {
    checkOptions("summary", options, ["printFn"]);
    this.requireBuilt("summary");
    const print = options.printFn ?? ((line: string) => console.log(line));
    for (const line of summaryLines(this as AnyModel, this.summaryRows())) print(line);
  }

  /**
   * Writes the model to one file: architecture, weights, what `compile` chose with the optimizer's history, and the state of
   * the random numbers. `loadModel` reads it. The file is whole at any moment: another one takes its name at the end.
   *
   * @throws ArgumentError for layers, losses and the like that no file can hold, such as functions, and before the weights
   * are made.
   */
  save(path: string, options: SaveOptions = {}): Promise<void> {
    return saveModel(this as AnyModel, path, options);
  }

  /** Writes the weights to a safetensors file, by the names of {@link namedWeights}. */
  saveWeights(path: string): Promise<void> {
    return saveWeights(this as AnyModel, path);
  }

  /**
   * Replaces the weights by those of a file that `saveWeights` or `save` wrote.
   *
   * @throws FormatError that lists what is missing, unexpected or of another shape or dtype; nothing has changed then.
   */
  loadWeights(path: string): Promise<void> {
    return loadWeights(this as AnyModel, path);
  }

  /** @internal The graph that a config stands for; a class of one's own takes its options. */
  static fromConfig(config: Config, make: MakeLayer): AnyModel {
    if (!("calls" in config)) return new this(config as ModelOptions) as AnyModel;
    const { name, dtype } = config as ModelOptions;
    return new this({ name, dtype, ...graphFromConfig(config, make) }) as AnyModel;
  }

  /**
   * Moves the weights to another device, with their gradients and the optimizer's history: what follows is computed there.
   * Tensors that share memory with a weight stay where they are.
   *
   * @throws DeviceError for a device that cannot be used. @throws ArgumentError while the model is training.
   */
  override to(device: Device): this {
    if (this.busy) throw new ArgumentError(`to: ${this.name} is training or evaluating: await that first`);
    super.to(device);
    this.chosenOptimizer?.moveTo(this.ownStream);
    return this;
  }

  /** @internal How it is trained; null before `compile`. */
  get compiled(): Compiled | null {
    return this.trainer && this.trainer.compiled;
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

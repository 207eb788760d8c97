import { onStream, type Device } from "../device.js";
import { checkBoolean, checkOptions, wrong } from "../checks.js";
import type { Config } from "../config.js";
import { ArgumentError } from "../errors.js";
import { shapeList, type BatchShape } from "../layers/batchShape.js";
import type { MakeLayer } from "../layers/fromConfig.js";
import {
  Layer,
  type CallOptions,
  type LayerOptions,
  type Masked,
  type ShapesOf,
  type SymbolicOptions,
  type Tensors,
} from "../layers/layer.js";
import type { AnyLayer, LayerCall, SymbolicOf, SymbolicTensor } from "../layers/symbolic.js";
import { trialShape } from "../layers/trialShape.js";
import { tidy } from "../memory.js";
import { copy } from "../op.js";
import type { Optimizer } from "../optimizers/index.js";
import { unknownName } from "../suggest.js";
import { withRecording } from "../tape.js";
import { Tensor } from "../tensor.js";
import { resolveCompile, type Compiled, type CompileOptions } from "./compile.js";
import { checkNames, Graph, numbered, type Symbolics } from "./graph.js";
import { graphFromConfig, graphToConfig } from "./graphConfig.js";
import type { History, Logs } from "./history.js";
import { fit } from "./fit.js";
import type { FitOptions, TrainOptions } from "./fitOptions.js";
import { evaluate, type EvaluateOptions } from "./evaluate.js";
import { splitArguments } from "./batches.js";
import { train, type TrainEvent } from "./train.js";
import type { Dataset } from "../data/dataset.js";
import { predict, type PredictOptions } from "./predict.js";
import { loadWeights, saveModel, saveWeights, type SaveOptions } from "./saving.js";
import { inOrder, isNamed, SampleSet, type ModelInput, type ModelInputs } from "./samples.js";
import { summaryLines, type SummaryRow } from "./summary.js";
import { setWeights } from "./setWeights.js";
import { Trainer } from "./trainer.js";

export interface SummaryOptions {
  /** Takes each line; `console.log` by default. */
  printFn?: (line: string) => void;
}

/** A model without regard to what it takes and gives. */
export type AnyModel = Model<Tensors, Tensors>;

export interface ModelOptions extends Omit<LayerOptions, "inputShape"> {
  /** With `outputs`: where a graph of layers begins. */
  inputs?: Symbolics;
  /** What the graph gives: symbolic tensors that layers made of the inputs. */
  outputs?: Symbolics;
}

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
export class Model<In extends Tensors = Tensor, Out extends Tensors = Tensor> extends Layer<In, Out> {
  /** Set it in a callback to end the training after the running batch. */
  stopTraining = false;
  protected override readonly castsInput: boolean = false;
  protected override readonly takesList: boolean = true;
  private readonly ownGraph: Graph | null;
  private trialShapes: readonly BatchShape[] | null = null;
  /** @internal What `build` got. */
  builtFor: ShapesOf<In> | null = null;
  private trainer: Trainer | null = null;
  private chosenOptimizer: Optimizer | null = null;
  private busy = false;

  constructor(options: ModelOptions = {}) {
    const { inputs, outputs, ...rest } = options;
    super(rest, []);
    if ((inputs === undefined) !== (outputs === undefined)) {
      throw new ArgumentError(`${this.name}: inputs and outputs belong together: only one of them is given`);
    }
    this.ownGraph = inputs && outputs ? new Graph(this.name, inputs, outputs) : null;
    if (this.ownGraph === null) return;
    checkNames(this.name, this.ownGraph.layers);
    this.built = true;
    if (options.trainable !== undefined) this.trainable = checkBoolean(this.name, "trainable", options.trainable);
  }

  /** Builds the layers inside by running them on one sample of zeros. */
  override build(inputShape: ShapesOf<In>): void {
    this.builtFor = inputShape;
    const run = (x: In): Out => this.call(x, { training: false, mask: null });
    this.trialShapes = shapeList(trialShape<In, Out>(this.name, inputShape, this.dtype, run));
    this.resetStates();
  }

  /** Runs the graph. A model of your own defines it. */
  call(x: In, options: CallOptions): Out {
    return this.runGraph(x, options).y;
  }

  /**
   * Runs the model, which builds its layers first if need be; see {@link Layer.apply}. A record gives the tensors by the
   * names of the inputs.
   */
  override apply(x: In, options?: Partial<CallOptions>): Out;
  override apply(x: SymbolicOf<In>, options?: SymbolicOptions<CallOptions>): SymbolicOf<Out>;
  override apply(x: Readonly<Record<string, Tensor>>, options?: Partial<CallOptions>): Out;
  override apply(
    x: In | SymbolicOf<In> | Readonly<Record<string, Tensor>>,
    options: Partial<CallOptions> | SymbolicOptions<CallOptions> = {},
  ): Out | SymbolicOf<Out> {
    const tensors = isNamed<Tensor>(x) ? this.arrangeInputs(this.name, x) : x;
    return super.apply(tensors as Tensors as In, options as Partial<CallOptions>);
  }

  override applyMasked(x: In, options: Partial<CallOptions> = {}): Masked<Out> {
    // Subclasses may compute something else.
    if (this.call !== Model.prototype.call) return super.applyMasked(x, options);
    return this.runGraph(this.accept(x), this.acceptOptions(x, options));
  }

  /** Which steps of the first result count. Runs a graph's layers: one of them may read its input to say so. */
  override computeMask(x: In, mask: Tensor | null = null): Tensor | null {
    if (this.ownGraph === null) return super.computeMask(x, mask);
    return withRecording(false, () => tidy(() => this.runGraph(x, { training: false, mask }).mask));
  }

  override get knowsOutputShape(): boolean {
    return this.ownGraph !== null || this.computeOutputShape !== Model.prototype.computeOutputShape;
  }

  override computeOutputShape(inputShape: ShapesOf<In>): ShapesOf<Out> {
    const graph = this.ownGraph;
    if (graph === null) return super.computeOutputShape(inputShape);
    const shapes = graph.outputShapes(shapeList(inputShape));
    return (graph.givesList ? shapes : shapes[0]!) as ShapesOf<Tensors> as ShapesOf<Out>;
  }

  /** The layers: of a graph from the inputs to the outputs, of a class of your own as they are in its fields. */
  get layers(): readonly AnyLayer[] {
    return this.sublayers();
  }

  /** The layer of this name, or at this place in `layers`. @throws ArgumentError when there is none. */
  getLayer(nameOrPlace: string | number): AnyLayer {
    const { layers } = this;
    const found =
      typeof nameOrPlace === "number" ? layers.at(nameOrPlace) : layers.find((layer) => layer.name === nameOrPlace);
    if (found) return found;
    if (typeof nameOrPlace === "number") {
      throw wrong(this.name, "layer", nameOrPlace, `a place from 0 to ${layers.length - 1}`);
    }
    const names = layers.map((layer) => layer.name);
    throw unknownName(this.name, "layer", nameOrPlace, names);
  }

  /** The symbolic tensors that the graph begins with. @throws ArgumentError when the model is no graph. */
  get inputs(): readonly SymbolicTensor[] {
    return this.graph("inputs").inputs;
  }

  /** The symbolic tensors that the graph ends with. @throws ArgumentError when the model is no graph. */
  get outputs(): readonly SymbolicTensor[] {
    return this.graph("outputs").outputs;
  }

  /** @internal The calls of the graph's layers, each after those that it needs. */
  get calls(): readonly LayerCall[] {
    return this.graph("calls").calls;
  }

  /** The only one of {@link inputs}. @throws ArgumentError when there are several. */
  get input(): SymbolicTensor {
    return this.only("input", this.inputs);
  }

  /** The only one of {@link outputs}: what further layers are applied to. @throws ArgumentError when there are several. */
  get output(): SymbolicTensor {
    return this.only("output", this.outputs);
  }

  /** The shape of a graph's only input, with the batch in front; null when it has several, or is no graph. */
  get inputShape(): BatchShape | null {
    return this.ownGraph?.inputs.length === 1 ? this.ownGraph.inputs[0]!.shape : null;
  }

  /** The shape of a graph's only output, with the batch in front; null when it has several, or is no graph. */
  get outputShape(): BatchShape | null {
    return this.ownGraph?.outputs.length === 1 ? this.ownGraph.outputs[0]!.shape : null;
  }

  /** The names by which records give the inputs; null when the model has none. */
  get inputNames(): readonly string[] | null {
    return this.ownGraph && this.ownGraph.inputs.map(({ name }) => name);
  }

  /** The names by which records give the targets, and of the losses and metrics of several outputs; null when the model has none. */
  get outputNames(): readonly string[] | null {
    return this.ownGraph && numbered(this.ownGraph.outputs.map(({ name }) => name));
  }

  /** @internal The inputs of a record in the order of {@link inputNames}. */
  arrangeInputs<T>(op: string, named: Readonly<Record<string, T>>): readonly T[] {
    return inOrder(op, "input", named, this.inputNames);
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

  override getConfig(): Config {
    const graph = this.ownGraph;
    if (graph === null) return super.getConfig();
    return { name: this.name, dtype: this.dtype, ...graphToConfig(this.name, graph) };
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
    setWeights(this.weights, values);
  }

  /** @internal Builds the model for these samples, if need be, and gives the shapes of its results. */
  outputsFor(x: readonly Tensor[]): readonly BatchShape[] {
    const shapes = x.map(({ shape }) => [null, ...shape.slice(1)]);
    const given = (shapes.length === 1 ? shapes[0]! : shapes) as ShapesOf<Tensors> as ShapesOf<In>;
    this.ownGraph?.check(this.name, x);
    onStream(this.ownStream, () => this.build(given));
    return this.knowsOutputShape ? shapeList(this.computeOutputShape(given)) : this.builtShapes();
  }

  /** The shapes of the results for the samples that the model was built for. */
  protected builtShapes(): readonly BatchShape[] {
    return this.trialShapes!;
  }

  protected override accept<X extends In>(x: X): X {
    this.ownGraph?.check(this.name, listOf(x));
    return super.accept(x);
  }

  protected override sublayers(): AnyLayer[] {
    return this.ownGraph ? [...this.ownGraph.layers] : super.sublayers();
  }

  /** The graph, if the model is one. */
  protected symbolicGraph(): Graph | null {
    return this.ownGraph;
  }

  protected summaryRows(): SummaryRow[] {
    const graph = this.ownGraph;
    if (graph === null) return this.layers.map((layer) => ({ layer, outputShapes: null, from: [] }));
    return graph.layers.map((layer) => {
      const calls = graph.calls.filter((call) => call.layer === layer);
      const made = calls[0]?.outputs ?? graph.inputs.filter(({ source }) => source.layer === layer);
      const from = calls.flatMap(({ inputs }) => inputs.map(({ name }) => name));
      return { layer, outputShapes: made.map(({ shape }) => shape), from };
    });
  }

  protected requireBuilt(what: string): void {
    if (this.built) return;
    throw new ArgumentError(
      `${what}: the model is not built: the input shape of ${this.name} is not known, ` +
        "give its first layer an inputShape, call build([null, …]), or call the model once",
    );
  }

  private runGraph(x: In, options: CallOptions): Masked<Out> {
    const graph = this.ownGraph;
    if (graph === null) {
      throw new ArgumentError(
        `${this.name}: the model has neither a graph nor a call: give it inputs and outputs, or define call in ${this.constructor.name}`,
      );
    }
    const { y, mask } = graph.run(listOf(x), options);
    return { y: (graph.givesList ? y : y[0]!) as Tensors as Out, mask };
  }

  private graph(what: string): Graph {
    const graph = this.symbolicGraph();
    if (graph) return graph;
    throw new ArgumentError(`${what}: the model is no graph of layers: ${this.name} computes its results in call`);
  }

  private only(what: string, symbolics: readonly SymbolicTensor[]): SymbolicTensor {
    if (symbolics.length === 1) return symbolics[0]!;
    throw new ArgumentError(`${what}: ${this.name} has ${symbolics.length} of them: use ${what}s`);
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

function listOf(x: Tensors): readonly Tensor[] {
  return Array.isArray(x) ? (x as readonly Tensor[]) : [x as Tensor];
}

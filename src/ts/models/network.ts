import { checkBoolean, wrong } from "../checks.js";
import type { Config } from "../config.js";
import { onStream } from "../device.js";
import { ArgumentError } from "../errors.js";
import { shapeList, type BatchShape } from "../layers/batchShape.js";
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
import { unknownName } from "../suggest.js";
import { withRecording } from "../tape.js";
import { Tensor } from "../tensor.js";
import { checkNames, Graph, numbered, type Symbolics } from "./graph.js";
import { graphToConfig } from "./graphConfig.js";
import { inOrder, isNamed, type ModelInput } from "./samples.js";
import { setWeights } from "./setWeights.js";
import type { SummaryRow } from "./summary.js";

export interface ModelOptions extends Omit<LayerOptions, "inputShape"> {
  /** With `outputs`: where a graph of layers begins. */
  inputs?: Symbolics;
  /** What the graph gives: symbolic tensors that layers made of the inputs. */
  outputs?: Symbolics;
}

/**
 * Layers that are one layer: a graph of them, or those in the fields of a class. What a model is, but for its training.
 *
 * @throws ArgumentError for outputs that need another input than those given, and for two layers of the same name.
 */
export class Network<In extends Tensors = Tensor, Out extends Tensors = Tensor> extends Layer<In, Out> {
  protected override readonly castsInput: boolean = false;
  protected override readonly takesList: boolean = true;
  private readonly ownGraph: Graph | null;
  private trialShapes: readonly BatchShape[] | null = null;
  /** @internal What `build` got. */
  builtFor: ShapesOf<In> | null = null;

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
    if (this.call !== Network.prototype.call) return super.applyMasked(x, options);
    return this.runGraph(this.accept(x), this.acceptOptions(x, options));
  }

  /** Which steps of the first result count. Runs a graph's layers: one of them may read its input to say so. */
  override computeMask(x: In, mask: Tensor | null = null): Tensor | null {
    if (this.ownGraph === null) return super.computeMask(x, mask);
    return withRecording(false, () => tidy(() => this.runGraph(x, { training: false, mask }).mask));
  }

  override get knowsOutputShape(): boolean {
    return this.ownGraph !== null || this.computeOutputShape !== Network.prototype.computeOutputShape;
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

  override getConfig(): Config {
    const graph = this.ownGraph;
    if (graph === null) return super.getConfig();
    return { name: this.name, dtype: this.dtype, ...graphToConfig(this.name, graph) };
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
}

function listOf(x: Tensors): readonly Tensor[] {
  return Array.isArray(x) ? (x as readonly Tensor[]) : [x as Tensor];
}

import { checkOptions } from "../checks.js";
import { classConfig, type ClassConfig, type Config } from "../config.js";
import { ArgumentError, describe } from "../errors.js";
import type { BatchShape } from "../layers/batchShape.js";
import type { MakeLayer } from "../layers/fromConfig.js";
import { InputLayer } from "../layers/inputLayer.js";
import { Layer, type CallOptions, type Masked } from "../layers/layer.js";
import { Input } from "../layers/inputLayer.js";
import { notOneTensor } from "../layers/trialShape.js";
import { tidy } from "../memory.js";
import { withRecording } from "../tape.js";
import type { Tensor } from "../tensor.js";
import { Graph } from "./graph.js";
import { Model, type AnyModel } from "./model.js";
import type { SummaryRow } from "./summary.js";
import { withRelease } from "./release.js";

export interface SequentialOptions {
  name?: string;
  /** Whether training changes the weights; true by default. */
  trainable?: boolean;
}

/**
 * Layers in a row: each takes the result of the one before. The weights are made at once when the first layer has an
 * `inputShape`, or else with the first data.
 */
export class Sequential extends Model {
  protected override readonly takesList = false;
  private readonly stack: Layer[] = [];
  /** The shapes between the layers that are built: the input's first. */
  private readonly shapes: BatchShape[] = [];
  /** The layers as a graph, once it was asked for. */
  private ownSymbols: Graph | null = null;

  /** @throws ArgumentError for what is no list of layers with different names; ShapeError when they do not fit. */
  constructor(layers: readonly Layer[] = [], options: SequentialOptions = {}) {
    checkOptions("Sequential", options, ["name", "trainable"]);
    super(options);
    if (!Array.isArray(layers)) {
      throw new ArgumentError(`Sequential: the layers are not an array: ${describe(layers)}, expected [layer, …]`);
    }
    for (const layer of layers) this.add(layer);
    if (options.trainable === false) this.trainable = false;
  }

  /** The layers, without an InputLayer. */
  override get layers(): readonly Layer[] {
    return this.stack.filter((layer) => !(layer instanceof InputLayer));
  }

  /** The shape of the samples, or null before it is known. */
  override get inputShape(): BatchShape | null {
    return this.built ? this.shapes[0]! : null;
  }

  /** The shape of the results, or null before it is known. */
  override get outputShape(): BatchShape | null {
    return this.built ? this.shapes.at(-1)! : null;
  }

  /**
   * Appends a layer.
   *
   * @throws ArgumentError for what is no layer, or one whose name is taken. @throws ShapeError when it does not fit.
   */
  add(layer: Layer): this {
    if (!(layer instanceof Layer)) {
      throw new ArgumentError(
        `${this.name}: element ${this.stack.length} is not a layer: ${describe(layer)}, expected one such as new layers.Dense({ units })`,
      );
    }
    if (this.stack.some((other) => other.name === layer.name)) {
      throw new ArgumentError(`${this.name}: two layers have the name "${layer.name}": expected different names`);
    }
    const inputShape = this.stack.length === 0 ? firstShape(layer) : null;
    this.ownSymbols = null;
    this.stack.push(layer);
    try {
      if (this.built) this.extend();
      else if (inputShape !== null) this.build(inputShape);
    } catch (error) {
      this.stack.pop();
      throw error;
    }
    return this;
  }

  override build(inputShape: BatchShape): void {
    if (this.stack.length === 0) throw new ArgumentError(`${this.name}: there are no layers: call add(layer) first`);
    this.builtFor = inputShape;
    this.shapes.push(inputShape);
    try {
      this.extend();
    } catch (error) {
      this.shapes.length = 0;
      throw error;
    }
  }

  override getConfig(): Config {
    return { name: this.name, layers: this.stack.map((layer) => ({ ...classConfig(layer) })) };
  }

  /** @internal */
  static override fromConfig(config: Config, make: MakeLayer): AnyModel {
    const layers = (config["layers"] as unknown as readonly ClassConfig[]).map(make) as unknown as Layer[];
    return new this(layers, { name: config["name"] as string }) as unknown as AnyModel;
  }

  override call(x: Tensor, options: CallOptions): Tensor {
    return this.run(x, options).y;
  }

  /** Which steps of the result count. Runs the layers: one of them may read its input to say so. */
  override computeMask(x: Tensor, mask: Tensor | null = null): Tensor | null {
    return withRecording(false, () => tidy(() => this.run(x, { training: false, mask }).mask));
  }

  override applyMasked(x: Tensor, options: Partial<CallOptions> = {}): Masked {
    // Subclasses may compute something else.
    if (this.call !== Sequential.prototype.call) return super.applyMasked(x, options);
    return this.run(this.accept(x), this.acceptOptions(x, options));
  }

  /** Passes samples through the layers, and which of their steps count. */
  private run(x: Tensor, { training, mask }: CallOptions): Masked {
    return withRelease((release) => {
      let result: Masked = { y: x, mask };
      for (let i = 0; i < this.stack.length; i++) {
        const layer = this.stack[i]!;
        const next = this.stack[i + 1];
        const given = result.y;
        const both = next ? layer.applyWith(next, given) : null;
        result = both ? { y: both, mask: null } : layer.applyMasked(given, { training, mask: result.mask });
        release(given, [x, result.y]);
        if (both) i++;
      }
      return result;
    });
  }

  override get knowsOutputShape(): boolean {
    return this.stack.every((layer) => layer.knowsOutputShape);
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    let shape = inputShape;
    for (const layer of this.stack) shape = layer.computeOutputShape(shape);
    return shape;
  }

  protected override builtShapes(): readonly BatchShape[] {
    return [this.shapes.at(-1)!];
  }

  protected override symbolicGraph(): Graph {
    this.requireBuilt("symbolic tensors");
    if (this.ownSymbols) return this.ownSymbols;
    const [first] = this.stack;
    const input = Input({
      shape: this.shapes[0]!.slice(1),
      ...(first instanceof InputLayer && { name: first.name, dtype: first.inputDType }),
    });
    const output = this.layers.reduce((x, layer) => layer.apply(x), input);
    return (this.ownSymbols = new Graph(this.name, input, output));
  }

  protected override summaryRows(): SummaryRow[] {
    return this.stack
      .map((layer, i) => ({ layer, outputShapes: [this.shapes[i + 1]!], from: [] }))
      .filter(({ layer }) => !(layer instanceof InputLayer));
  }

  /** Builds the layers that are not built yet. */
  private extend(): void {
    for (let i = this.shapes.length - 1; i < this.stack.length; i++) {
      const layer = this.stack[i]!;
      const shape = this.shapes[i]!;
      const output = layer.outputShapesFor(shape);
      if (Array.isArray(output[0])) throw notOneTensor(layer.name, output);
      this.shapes.push(output);
    }
  }
}

/** The input shape that a first layer states: its own, or that of the model which it is. */
function firstShape(layer: Layer): BatchShape | null {
  return layer instanceof Model ? layer.inputShape : layer.batchInputShape;
}

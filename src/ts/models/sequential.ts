import { checkOptions } from "../checks.js";
import { ArgumentError, describe } from "../errors.js";
import type { BatchShape } from "../layers/batchShape.js";
import { InputLayer } from "../layers/inputLayer.js";
import { Layer, type CallOptions, type Masked } from "../layers/layer.js";
import { tidy } from "../memory.js";
import { unknownName } from "../suggest.js";
import { withRecording } from "../tape.js";
import type { Tensor } from "../tensor.js";
import { Model } from "./model.js";
import type { SummaryRow } from "./summary.js";
import { notOneTensor, trialShape } from "./trialShape.js";

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
  private readonly stack: Layer[] = [];
  /** The shapes between the layers that are built: the input's first. */
  private readonly shapes: BatchShape[] = [];

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
  get layers(): readonly Layer[] {
    return this.stack.filter((layer) => !(layer instanceof InputLayer));
  }

  /** The shape of the samples, or null before it is known. */
  get inputShape(): BatchShape | null {
    return this.built ? this.shapes[0]! : null;
  }

  /** The shape of the results, or null before it is known. */
  get outputShape(): BatchShape | null {
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

  /** The layer of this name. @throws ArgumentError when there is none. */
  getLayer(name: string): Layer {
    const found = this.stack.find((layer) => layer.name === name);
    if (found) return found;
    throw unknownName(
      this.name,
      "layer",
      name,
      this.stack.map((layer) => layer.name),
    );
  }

  override build(inputShape: BatchShape): void {
    if (this.stack.length === 0) throw new ArgumentError(`${this.name}: there are no layers: call add(layer) first`);
    this.shapes.push(inputShape);
    try {
      this.extend();
    } catch (error) {
      this.shapes.length = 0;
      throw error;
    }
  }

  call(x: Tensor, options: CallOptions): Tensor {
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
    let result: Masked = { y: x, mask };
    for (let i = 0; i < this.stack.length; i++) {
      const layer = this.stack[i]!;
      const next = this.stack[i + 1];
      const both = next ? layer.applyWith(next, result.y) : null;
      result = both ? { y: both, mask: null } : layer.applyMasked(result.y, { training, mask: result.mask });
      if (both) i++;
    }
    return result;
  }

  override get knowsOutputShape(): boolean {
    return this.stack.every((layer) => layer.knowsOutputShape);
  }

  override computeOutputShape(inputShape: BatchShape): BatchShape {
    let shape = inputShape;
    for (const layer of this.stack) shape = layer.computeOutputShape(shape);
    return shape;
  }

  protected override builtShape(): BatchShape {
    return this.shapes.at(-1)!;
  }

  protected override summaryRows(): SummaryRow[] {
    return this.stack
      .map((layer, i) => ({ layer, outputShape: this.shapes[i + 1]! }))
      .filter(({ layer }) => !(layer instanceof InputLayer));
  }

  /** Builds the layers that are not built yet. */
  private extend(): void {
    for (let i = this.shapes.length - 1; i < this.stack.length; i++) {
      const layer = this.stack[i]!;
      const shape = this.shapes[i]!;
      layer.build(shape);
      const output = layer.knowsOutputShape
        ? layer.computeOutputShape(shape)
        : trialShape(layer.name, shape, layer.dtype, (x) => layer.apply(x));
      if (Array.isArray(output[0])) throw notOneTensor(layer.name, output);
      this.shapes.push(output);
    }
  }
}

/** The input shape that a first layer states: its own, or that of the model which it is. */
function firstShape(layer: Layer): BatchShape | null {
  return layer instanceof Sequential ? layer.inputShape : layer.batchInputShape;
}

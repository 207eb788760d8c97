import { checkBoolean, checkOptions, wrong } from "../checks.js";
import { ArgumentError, ShapeError } from "../errors.js";
import { keep, tidy } from "../memory.js";
import { checkTensor } from "../op.js";
import { cast } from "../ops/cast.js";
import { resolveInitializer, type InitializerLike } from "../resolve.js";
import { checkShape, formatShape, sameShape, sizeOf, type Shape } from "../shape.js";
import { enterScope, leaveScope } from "../scope.js";
import { withRecording } from "../tape.js";
import type { Tensor } from "../tensor.js";
import { checkBatchShape, formatBatchShape, type BatchShape } from "./batchShape.js";
import { automaticName } from "./naming.js";

export type FloatDType = "float32" | "float64";

export interface LayerOptions {
  /** A name for messages and `summary()`: the class's own with a number, unless given. */
  name?: string;
  /** Whether training changes the weights; true by default. */
  trainable?: boolean;
  /** Of the weights and results; float32 by default. */
  dtype?: FloatDType;
  /** The shape of one sample, without the batch: a model that begins with this layer can build its weights at once. */
  inputShape?: BatchShape;
}

/** @internal The options of every layer, for the check of unknown ones. */
export const LAYER_OPTIONS: readonly string[] = ["name", "trainable", "dtype", "inputShape"];

export interface CallOptions {
  /** Whether the call is part of training: Dropout and the like differ. */
  readonly training: boolean;
}

export interface WeightOptions {
  name: string;
  shape: Shape;
  /** "glorotUniform" by default. */
  initializer?: InitializerLike;
  /** Whether training changes it; true by default. */
  trainable?: boolean;
  /** The layer's own by default. */
  dtype?: FloatDType;
}

/** What a layer asks of its input's shape. */
export interface InputSpec {
  readonly rank?: number;
  readonly minRank?: number;
  /** Sizes by axis; a negative axis counts from the end. */
  readonly axes?: Readonly<Record<number, number>>;
}

interface Weight {
  readonly name: string;
  readonly tensor: Tensor;
  readonly trainable: boolean;
}

/**
 * A step of a model: weights, and a function of a tensor that uses them.
 *
 * A layer of your own extends this class: `build(inputShape)` makes the weights with `addWeight`, `call(x, { training })`
 * computes. Layers that it holds in its fields count as its own. `computeOutputShape` is needed only by models that
 * are to be built before they see data.
 */
export abstract class Layer {
  readonly name: string;
  readonly dtype: FloatDType;
  /** The shape of its input as the options gave it, with null for the batch. */
  readonly batchInputShape: BatchShape | null;
  /** Whether `build` has run. */
  built = false;
  /** Set by `build` or the constructor: checked before each call. */
  protected inputSpec: InputSpec = {};
  /** Whether inputs of another dtype are cast to the layer's. */
  protected readonly castsInput: boolean = true;
  private readonly ownWeights: Weight[] = [];
  private isTrainable: boolean;

  /** `names` are the options that the subclass has beside the common ones; null leaves the check to it. */
  constructor(options: LayerOptions = {}, names: readonly string[] | null = null) {
    const label = new.target.name;
    if (names !== null) checkOptions(label, options, [...LAYER_OPTIONS, ...names]);
    if (options.name !== undefined && (typeof options.name !== "string" || options.name === "")) {
      throw wrong(label, "name", options.name, "a string");
    }
    this.name = options.name ?? automaticName(label);
    this.dtype = checkFloat(this.name, options.dtype ?? "float32");
    this.isTrainable = checkBoolean(this.name, "trainable", options.trainable ?? true);
    this.batchInputShape =
      options.inputShape === undefined ? null : [null, ...checkBatchShape(this.name, "inputShape", options.inputShape)];
    // Whoever calls `build`, and whatever a subclass makes of it: it runs once.
    const build = this.build.bind(this);
    this.build = (inputShape) => {
      if (this.built) return;
      this.checkInput(inputShape);
      outsideOfTheStep(() => build(inputShape));
      this.built = true;
    };
  }

  /** Makes the weights for inputs of this shape (with the batch in front). Runs once. */
  build(_inputShape: BatchShape): void {}

  /** Computes the result. Called through {@link apply}. */
  abstract call(x: Tensor, options: CallOptions): Tensor;

  /**
   * The shape of the result for an input of this shape. Runs no kernel.
   *
   * @throws ArgumentError when the class does not define it.
   */
  computeOutputShape(_inputShape: BatchShape): BatchShape {
    throw new ArgumentError(
      `${this.name}: the output shape is not known before a call: define computeOutputShape in ${this.constructor.name}`,
    );
  }

  /** Whether {@link computeOutputShape} can answer. */
  get knowsOutputShape(): boolean {
    return this.computeOutputShape !== Layer.prototype.computeOutputShape;
  }

  /**
   * Runs the layer, which builds its weights first if need be.
   *
   * @throws ShapeError when the input does not fit.
   */
  apply(x: Tensor, { training = false }: Partial<CallOptions> = {}): Tensor {
    return this.call(this.accept(x), { training });
  }

  /**
   * @internal For a model that applies this layer and then `next`: computes both at once, with the same result, or
   * returns null where that is no better.
   */
  applyWith(_next: Layer, _x: Tensor): Tensor | null {
    return null;
  }

  /** The input of `call`: checked and cast. Builds the weights if need be. */
  protected accept(x: Tensor): Tensor {
    checkTensor(this.name, x);
    this.checkInput(x.shape);
    if (!this.built) this.build([null, ...x.shape.slice(1)]);
    return this.castsInput && x.dtype !== this.dtype ? cast(x, this.dtype) : x;
  }

  /** Whether training changes the weights, also those of layers inside. */
  get trainable(): boolean {
    return this.isTrainable;
  }

  set trainable(value: boolean) {
    this.isTrainable = checkBoolean(this.name, "trainable", value);
    for (const weight of this.ownWeights) weight.tensor.requiresGrad = value && weight.trainable;
    for (const layer of this.sublayers()) layer.trainable = value;
  }

  /** All weights: the layer's own, then those of the layers inside. */
  get weights(): Tensor[] {
    return this.collect(() => true);
  }

  /** The weights that training changes. */
  get trainableWeights(): Tensor[] {
    return this.collect((weight, trainable) => trainable && weight.trainable);
  }

  get nonTrainableWeights(): Tensor[] {
    return this.collect((weight, trainable) => !(trainable && weight.trainable));
  }

  /** The weights that training changes, for an optimizer of your own loop. */
  parameters(): Tensor[] {
    return this.trainableWeights;
  }

  /** The number of elements of all weights. */
  countParams(): number {
    return this.weights.reduce((count, weight) => count + sizeOf(weight.shape), 0);
  }

  /**
   * Makes a weight. For use in `build`.
   *
   * @throws ArgumentError for a wrong option or unknown initializer. @throws ShapeError
   */
  protected addWeight(options: WeightOptions): Tensor {
    checkOptions(this.name, options, ["name", "shape", "initializer", "trainable", "dtype"]);
    const shape = checkShape(this.name, options.shape);
    const dtype = checkFloat(this.name, options.dtype ?? this.dtype);
    const trainable = checkBoolean(this.name, "trainable", options.trainable ?? true);
    const initializer = resolveInitializer(this.name, options.initializer ?? "glorotUniform");
    const tensor = keep(tidy(() => withRecording(false, () => initializer.call(shape, dtype))));
    if (!sameShape(tensor.shape, shape) || tensor.dtype !== dtype) {
      throw new ShapeError(
        `${this.name}: the initializer gave another tensor: it is ${tensor.dtype} ${formatShape(tensor.shape)}, ` +
          `expected ${dtype} ${formatShape(shape)}`,
      );
    }
    tensor.requiresGrad = trainable && this.isTrainable;
    this.ownWeights.push({ name: options.name, tensor, trainable });
    return tensor;
  }

  /** The layers that this one holds in its fields, also in arrays. */
  protected sublayers(): Layer[] {
    return Object.values(this)
      .flat()
      .filter((value): value is Layer => value instanceof Layer);
  }

  private collect(wanted: (weight: Weight, trainable: boolean) => boolean): Tensor[] {
    const found = new Set<Tensor>();
    for (const weight of this.ownWeights) if (wanted(weight, this.isTrainable)) found.add(weight.tensor);
    for (const layer of new Set(this.sublayers())) for (const tensor of layer.collect(wanted)) found.add(tensor);
    return [...found];
  }

  private checkInput(shape: BatchShape): void {
    const { rank, minRank = 0, axes } = this.inputSpec;
    let fits = rank === undefined ? shape.length >= minRank : shape.length === rank;
    for (const [axis, expected] of Object.entries(axes ?? {})) {
      const size = shape.at(Number(axis));
      if (size !== null && size !== expected) fits = false;
    }
    if (!fits) {
      throw new ShapeError(
        `${this.name}: the input does not fit: its shape is ${formatBatchShape(shape)}, expected ${formatSpec(this.inputSpec)}`,
      );
    }
  }
}

/** Runs a build that a first call may have caused: nothing goes on the tape, and no tidy around it takes its tensors. */
function outsideOfTheStep(build: () => void): void {
  const scope = enterScope();
  try {
    withRecording(false, build);
  } finally {
    for (const tensor of scope.members) tensor.kept = true;
    leaveScope(scope, () => false);
  }
}

function formatSpec({ rank, minRank = 0, axes = {} }: InputSpec): string {
  const sizes = new Array<string>(rank ?? minRank).fill("*");
  for (const [key, size] of Object.entries(axes)) {
    const axis = Number(key);
    sizes[axis < 0 ? sizes.length + axis : axis] = String(size);
  }
  return `[${rank === undefined ? "…," : ""}${sizes.join(",")}]`;
}

function checkFloat(op: string, dtype: unknown): FloatDType {
  if (dtype === "float32" || dtype === "float64") return dtype;
  throw wrong(op, "dtype", dtype, '"float32" or "float64"');
}

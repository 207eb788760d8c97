import { checkBoolean, checkOptions, wrong } from "../checks.js";
import { recordToJson, type Config } from "../config.js";
import { currentStream, namedStream, onStream, type Device } from "../device.js";
import { ArgumentError, DeviceError, DTypeError, ShapeError } from "../errors.js";
import { Zeros } from "../initializers.js";
import { keep, tidy } from "../memory.js";
import { checkTensor } from "../op.js";
import { cast } from "../ops/cast.js";
import { relocate } from "../ops/to.js";
import { resolveInitializer, type InitializerLike } from "../resolve.js";
import { checkShape, formatShape, sameShape, sizeOf, type Shape } from "../shape.js";
import { enterScope, leaveScope } from "../scope.js";
import type { Stream } from "../stream.js";
import { withRecording } from "../tape.js";
import { Tensor } from "../tensor.js";
import { checkBatchShape, formatBatchShape, shapeList, type BatchShape } from "./batchShape.js";
import { countElements, isInitializing } from "./initialization.js";
import { automaticName } from "./naming.js";
import {
  isSymbolic,
  symbolicList,
  SymbolicTensor,
  type AnyLayer,
  type LayerCall,
  type SymbolicOf,
} from "./symbolic.js";
import { trialShape } from "./trialShape.js";

export type FloatDType = "float32" | "float64";

/** What layers take and give: one tensor, or several. */
export type Tensors = Tensor | readonly Tensor[];
/** The shape of a tensor, or those of several. */
export type ShapesOf<T extends Tensors> = T extends readonly Tensor[] ? readonly BatchShape[] : BatchShape;

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
  /** Whether the call is part of training: Dropout and the like differ. False by default. */
  readonly training: boolean;
  /**
   * Which steps of the input (of the first one, if there are several) count: bool [batch, time], false where a step is
   * only padding. Null, the default, when all do.
   */
  readonly mask: Tensor | null;
}

/** Options of a call in a graph, where symbolic tensors stand for tensors. */
export type SymbolicOptions<Options> = {
  readonly [K in keyof Options]?:
    Options[K] | (NonNullable<Options[K]> extends Tensors ? SymbolicOf<NonNullable<Options[K]>> : never);
};

/** A result, and which of its steps count. */
export interface Masked<Out extends Tensors = Tensor> {
  readonly y: Out;
  readonly mask: Tensor | null;
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
 * A layer of your own extends this class: `build(inputShape)` makes the weights with `addWeight`, `call(x, { training, mask })`
 * computes. Layers that it holds in its fields count as its own. `computeOutputShape` is needed only by models that
 * are to be built before they see data, `computeMask` by layers that make a mask or whose result has another time axis.
 *
 * `Layer<Tensor[]>` takes several tensors, `Layer<Tensor, Tensor[]>` gives several; a third type is that of the options of
 * `call`, for a layer that lists more of them in `callOptions`.
 */
export abstract class Layer<
  In extends Tensors = Tensor,
  Out extends Tensors = Tensor,
  Options extends CallOptions = CallOptions,
> {
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
  /** Whether the input may be an array of tensors. */
  protected readonly takesList: boolean = false;
  /** The options of `call`. */
  protected readonly callOptions: readonly string[] = ["training", "mask"];
  private readonly ownWeights: Weight[] = [];
  private isTrainable: boolean;
  /** What {@link to} chose. */
  private chosenStream: Stream | null = null;
  /** What the constructor was given, for {@link getConfig}. */
  private readonly givenOptions: Readonly<Record<string, unknown>>;

  /** `names` are the options that the subclass has beside the common ones; null leaves the check to it. */
  constructor(options: LayerOptions = {}, names: readonly string[] | null = null) {
    const label = new.target.name;
    if (names !== null) checkOptions(label, options, [...LAYER_OPTIONS, ...names]);
    if (options.name !== undefined && (typeof options.name !== "string" || options.name === "")) {
      throw wrong(label, "name", options.name, "a string");
    }
    const { name: _name, trainable: _trainable, dtype: _dtype, inputShape: _inputShape, ...own } = options;
    this.givenOptions = own;
    this.name = options.name ?? automaticName(label);
    this.dtype = checkFloatDType(this.name, options.dtype ?? "float32");
    this.isTrainable = checkBoolean(this.name, "trainable", options.trainable ?? true);
    this.batchInputShape =
      options.inputShape === undefined ? null : [null, ...checkBatchShape(this.name, "inputShape", options.inputShape)];
    // Whoever calls `build`, and whatever a subclass makes of it: it runs once.
    const build = this.build.bind(this);
    this.build = (inputShape) => {
      if (this.built) return;
      for (const shape of shapeList(inputShape)) this.checkInput(shape);
      onStream(this.chosenStream ?? currentStream(), () => outsideOfTheStep(() => build(inputShape)));
      this.built = true;
    };
  }

  /** Makes the weights for inputs of this shape (with the batch in front). Runs once. */
  build(_inputShape: ShapesOf<In>): void {}

  /** Computes the result. Called through {@link apply}. */
  abstract call(x: In, options: Options): Out;

  /**
   * The shape of the result for an input of this shape. Runs no kernel.
   *
   * @throws ArgumentError when the class does not define it.
   */
  computeOutputShape(_inputShape: ShapesOf<In>): ShapesOf<Out> {
    throw new ArgumentError(
      `${this.name}: the output shape is not known before a call: define computeOutputShape in ${this.constructor.name}`,
    );
  }

  /** Whether {@link computeOutputShape} can answer. */
  get knowsOutputShape(): boolean {
    return this.computeOutputShape !== Layer.prototype.computeOutputShape;
  }

  /**
   * Which steps of the result for `x` count (of the first result, if there are several), given which of `x` do. By
   * default the same; null for layers whose result has another time axis, or none.
   */
  computeMask(_x: In, mask: Tensor | null = null): Tensor | null {
    return mask;
  }

  /**
   * Runs the layer, which builds its weights first if need be. Applied to symbolic tensors, such as `Input` makes, it
   * builds its weights and gives the symbolic tensors of its results: a step of a `Model({ inputs, outputs })`.
   *
   * @throws ShapeError when the input or the mask does not fit. @throws DTypeError for a mask that is not bool.
   * @throws ArgumentError for unknown options.
   */
  apply(x: In, options?: Partial<Options>): Out;
  apply(x: SymbolicOf<In>, options?: SymbolicOptions<Options>): SymbolicOf<Out>;
  apply(x: In | SymbolicOf<In>, options: Partial<Options> | SymbolicOptions<Options> = {}): Out | SymbolicOf<Out> {
    if (isSymbolic(x)) return this.applySymbolic(x, options);
    const tensors = x as In;
    return onDeviceOf(tensors, () =>
      this.call(this.accept(tensors), this.acceptOptions(tensors, options as Partial<Options>)),
    );
  }

  /** @internal The shapes of the results for inputs of these shapes; builds the layer if need be. */
  outputShapesFor(inputShape: ShapesOf<In>): ShapesOf<Out> {
    this.build(inputShape);
    for (const shape of shapeList(inputShape)) this.checkInput(shape);
    if (this.knowsOutputShape) return this.computeOutputShape(inputShape);
    return trialShape<In, Out>(this.name, inputShape, this.dtype, (x) => this.apply(x));
  }

  /** @internal The result of {@link apply} with its mask, for the next layer or the loss. */
  applyMasked(x: In, options: Partial<Options> = {}): Masked<Out> {
    return { y: this.apply(x, options), mask: this.computeMask(x, options.mask) };
  }

  /**
   * @internal For a model that applies this layer and then `next`: computes both at once, with the same result, or
   * returns null where that is no better. Only for layers that end a mask.
   */
  applyWith(_next: Layer, _x: Tensor): Tensor | null {
    return null;
  }

  private applySymbolic(
    x: SymbolicTensor | readonly SymbolicTensor[],
    options: Readonly<Record<string, unknown>>,
  ): SymbolicOf<Out> {
    const inputs = symbolicList(this.name, x);
    const takesList = Array.isArray(x);
    if (takesList && !this.takesList) throw wrong(this.name, "input", x, "one symbolic tensor");
    checkOptions(this.name, options, this.callOptions);
    const given = inputs.map(({ shape }) => shape);
    const result = this.outputShapesFor((takesList ? given : given[0]!) as ShapesOf<Tensors> as ShapesOf<In>);
    const outputs: SymbolicTensor[] = [];
    const givesList = Array.isArray(result[0]);
    const layer = this as unknown as AnyLayer;
    const source: LayerCall = { layer, inputs, takesList, options, outputs, givesList };
    shapeList(result).forEach((shape, i) => outputs.push(new SymbolicTensor(shape, this.dtype, source, i)));
    return (givesList ? outputs : outputs[0]!) as SymbolicOf<Tensors> as SymbolicOf<Out>;
  }

  /** The input of `call`: checked and cast. Builds the weights if need be. */
  protected accept<X extends In>(x: X): X {
    const isList = this.takesList && Array.isArray(x);
    const inputs = (isList ? x : [x]) as readonly Tensor[];
    for (const input of inputs) {
      checkTensor(this.name, input);
      this.checkInput(input.shape);
    }
    if (!this.built) {
      const shapes = inputs.map(({ shape }) => [null, ...shape.slice(1)]);
      this.build((isList ? shapes : shapes[0]!) as BatchShape as ShapesOf<In>);
    }
    this.checkDevice(inputs);
    const accepted = inputs.map((input) =>
      this.castsInput && input.dtype !== this.dtype ? cast(input, this.dtype) : input,
    );
    return (isList ? accepted : accepted[0]) as X;
  }

  /** The options of `call`: checked, with their defaults. */
  protected acceptOptions(x: In, options: Partial<Options>): Options {
    checkOptions(this.name, options, this.callOptions);
    const { training = false, mask = null } = options;
    if (mask !== null) checkMask(this.name, mask, (Array.isArray(x) ? x[0] : x) as Tensor);
    return { ...options, training, mask } as Options;
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

  /**
   * The weights by name: the layer's own, then those of the layers inside, with the names of these before a slash:
   * `kernel`, `block/dense/bias`.
   */
  namedWeights(): Map<string, Tensor> {
    const named = new Map<string, Tensor>();
    const found = new Set<Tensor>();
    const add = (path: string, tensor: Tensor): void => {
      if (found.has(tensor)) return;
      found.add(tensor);
      let free = path;
      for (let i = 1; named.has(free); i++) free = `${path}_${i}`;
      named.set(free, tensor);
    };
    for (const weight of this.ownWeights) add(weight.name, weight.tensor);
    for (const layer of new Set(this.sublayers())) {
      for (const [path, tensor] of layer.namedWeights()) add(`${layer.name}/${path}`, tensor);
    }
    return named;
  }

  /**
   * The options that make this layer again, as JSON: `new Class(config)` has the same shape and new weights. By default
   * what the constructor gave to `super`.
   *
   * @throws ArgumentError for an option that no file can hold, such as a function.
   */
  getConfig(): Config {
    const { name, trainable, dtype, batchInputShape } = this;
    const common = { name, trainable, dtype, inputShape: batchInputShape?.slice(1) };
    return recordToJson(name, "", { ...common, ...this.givenOptions });
  }

  /** Forgets the states that stateful layers inside keep from one call to the next. */
  resetStates(): void {
    for (const layer of this.sublayers()) layer.resetStates();
  }

  /**
   * Moves the weights to another device, with their gradients; a layer that is not built yet will make them there.
   *
   * @throws DeviceError for a device that cannot be used.
   */
  to(device: Device): this {
    const stream = namedStream("to", device);
    this.moveTo(stream);
    return this;
  }

  /** Moves what the layer holds. */
  protected moveTo(stream: Stream): void {
    this.chosenStream = stream;
    for (const { tensor } of this.ownWeights) relocate(tensor, stream);
    for (const layer of this.sublayers()) layer.moveTo(stream);
  }

  /** @internal That of the device which the weights are on; without any, of the one where they would be made. */
  get ownStream(): Stream {
    return this.firstWeight()?.storage.stream ?? this.chosenStream ?? currentStream();
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
    const dtype = checkFloatDType(this.name, options.dtype ?? this.dtype);
    const trainable = checkBoolean(this.name, "trainable", options.trainable ?? true);
    const given = resolveInitializer(this.name, options.initializer ?? "glorotUniform");
    const initializer = isInitializing() ? given : new Zeros();
    countElements(this.name, options.name, sizeOf(shape));
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
  protected sublayers(): AnyLayer[] {
    const found: AnyLayer[] = [];
    // Loops, as this runs several times in each training step.
    for (const field of Object.values(this) as unknown[]) {
      if (field instanceof Layer) found.push(field);
      else if (Array.isArray(field)) for (const value of field) if (value instanceof Layer) found.push(value);
    }
    return found;
  }

  private firstWeight(): Tensor | undefined {
    if (this.ownWeights.length > 0) return this.ownWeights[0]!.tensor;
    for (const layer of this.sublayers()) {
      const weight = layer.firstWeight();
      if (weight) return weight;
    }
    return undefined;
  }

  private collect(wanted: (weight: Weight, trainable: boolean) => boolean): Tensor[] {
    const found = new Set<Tensor>();
    for (const weight of this.ownWeights) if (wanted(weight, this.isTrainable)) found.add(weight.tensor);
    for (const layer of new Set(this.sublayers())) for (const tensor of layer.collect(wanted)) found.add(tensor);
    return [...found];
  }

  /** @throws DeviceError when the inputs are not where the layer's own weights are. */
  private checkDevice(inputs: readonly Tensor[]): void {
    const weight = this.ownWeights[0]?.tensor;
    const input = weight && inputs.find(({ device }) => device !== weight.device);
    if (!input) return;
    throw new DeviceError(
      `${this.name}: the input is on another device: it is on ${input.device}, the weights on ${weight.device}: ` +
        `move it with x.to("${weight.device}"), or the layer with to("${input.device}")`,
    );
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

/** Runs `fn` with new tensors on the device of the input. */
function onDeviceOf<T>(x: Tensors, fn: () => T): T {
  const first: unknown = Array.isArray(x) ? x[0] : x;
  return first instanceof Tensor ? onStream(first.storage.stream, fn) : fn();
}

/** @throws DTypeError, ShapeError unless the mask is bool [batch, time], with the sizes of the input. */
function checkMask(op: string, mask: Tensor, { shape }: Tensor): void {
  checkTensor(op, mask);
  if (mask.dtype !== "bool") {
    throw new DTypeError(`${op}: the mask is not bool: its dtype is ${mask.dtype}, expected bool`);
  }
  if (mask.rank === 2 && sameShape(mask.shape, shape.slice(0, 2))) return;
  throw new ShapeError(
    `${op}: the mask does not fit the input: its shape is ${formatShape(mask.shape)}, expected [batch, time] of an input of the ` +
      `shape ${formatShape(shape)} (a layer that changes the time axis ends the mask by a computeMask that returns null)`,
  );
}

function formatSpec({ rank, minRank = 0, axes = {} }: InputSpec): string {
  const sizes = new Array<string>(rank ?? minRank).fill("*");
  for (const [key, size] of Object.entries(axes)) {
    const axis = Number(key);
    sizes[axis < 0 ? sizes.length + axis : axis] = String(size);
  }
  return `[${rank === undefined ? "…," : ""}${sizes.join(",")}]`;
}

/** @internal @throws ArgumentError unless layers compute in it. */
export function checkFloatDType(op: string, dtype: unknown): FloatDType {
  if (dtype === "float32" || dtype === "float64") return dtype;
  throw wrong(op, "dtype", dtype, '"float32" or "float64"');
}

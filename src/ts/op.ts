import { watchOp, watching } from "./anomaly.js";
import { ArgumentError, DeviceError, DTypeError, describe } from "./errors.js";
import { isHalf, type DType } from "./dtype.js";
import { checkLimits, type Shape } from "./shape.js";
import { currentStream } from "./device.js";
import type { Operand, Stream } from "./stream.js";
import { isRecording, record, type Backward, type Saved } from "./tape.js";
import { Tensor } from "./tensor.js";

/** Shape and dtype of an output, known before anything runs. */
export interface TensorSpec {
  readonly shape: Shape;
  readonly dtype: DType;
}

export interface OpDefinition<A> {
  /** The name in messages; also the kernel's name in native/core, unless `kernel` says otherwise. */
  readonly name: string;
  /** The row of native/core/ops.def or elementwise.def. */
  readonly kernel?: string;
  /** Checks the inputs (throwing what the user should read) and says what the outputs will be. */
  infer(inputs: readonly Tensor[], attrs: A): readonly TensorSpec[];
  /** The attributes as the kernel wants them; none by default. */
  encode?(attrs: A, inputs: readonly Tensor[]): readonly number[];
  /** Whether the kernel takes bfloat16 and float16 too, as those that only move elements do. By default it does not. */
  readonly halves?: boolean;
  /** Inputs that the kernel needs in row-major order; by default it takes any strides. */
  readonly contiguous?: boolean;
  /** The inputs as the kernel wants them, such as broadcast to the output's shape; by default as they are. */
  operands?(inputs: readonly Tensor[], outputs: readonly TensorSpec[], attrs: A): readonly Operand[];
  /** Null for an op without a gradient: its results are cut off from the graph. */
  readonly backward: Backward<A> | null;
  /** What backward reads; by default nothing. */
  readonly save?: Saved | ((attrs: A, needs: readonly boolean[]) => Saved);
}

/** An op of the registry. Calling it runs its kernel and puts it on the tape. */
export interface Op<A> {
  /** Runs on the device of its inputs, or without any on that of the stream, by default the current one. */
  (inputs: readonly Tensor[], attrs: A, stream?: Stream): Tensor[];
  readonly definition: OpDefinition<A>;
}

export interface ViewDefinition<A> {
  readonly name: string;
  /** Checks, and says how the result lies over the input's memory; null when only a copy can have this shape. */
  view(input: Tensor, attrs: A): { shape: Shape; strides: readonly number[] | null; offset: number } | null;
  readonly backward: Backward<A>;
}

export interface View<A> {
  (input: Tensor, attrs: A): Tensor;
  readonly definition: ViewDefinition<A>;
}

/** Every op by name, for the contract test and the documentation. */
export const registry = new Map<string, Op<never> | View<never> | Update<never>>();

const NO_ATTRIBUTES: readonly number[] = [];

/**
 * Registers an op. One call in `ops/<stem>.ts` is all that TypeScript needs to know of a kernel.
 *
 * @throws ArgumentError when the name is taken.
 */
export function defineOp<A>(definition: OpDefinition<A>): Op<A> {
  const { name, infer, encode, operands, backward, save } = definition;
  const contiguous = definition.contiguous ?? false;
  const halves = definition.halves ?? false;
  let kernel = -1;
  const op = (given: readonly Tensor[], attrs: A, target?: Stream): Tensor[] => {
    for (let i = 0; i < given.length; i++) checkTensor(name, given[i]);
    const stream = given.length > 0 ? commonStream(name, given) : (target ?? currentStream());
    const specs = infer(given, attrs);
    for (let i = 0; i < specs.length; i++) checkLimits(name, specs[i]!.shape);
    if (!halves) {
      for (let i = 0; i < given.length; i++) refuseHalf(name, given[i]!.dtype);
      for (let i = 0; i < specs.length; i++) refuseHalf(name, specs[i]!.dtype);
    }
    if (kernel < 0) kernel = stream.kernel(definition.kernel ?? name);
    const inputs = contiguous ? given.map(toContiguous) : given;
    const attributes = encode === undefined ? NO_ATTRIBUTES : encode(attrs, inputs);
    const outputs = new Array<Tensor>(specs.length);
    for (let i = 0; i < specs.length; i++) outputs[i] = Tensor.create(stream, specs[i]!.shape, specs[i]!.dtype);
    stream.write(kernel, operands === undefined ? inputs : operands(inputs, specs, attrs), outputs, attributes);
    if (watching) watchOp(name, inputs, outputs);
    if (backward !== null && isRecording() && anyRequiresGrad(inputs)) {
      record(name, attrs, inputs, outputs, backward, save);
    }
    // What the tape saved of a copy, it holds by itself.
    if (inputs !== given) for (let i = 0; i < inputs.length; i++) if (inputs[i] !== given[i]) inputs[i]!.dispose();
    return outputs;
  };
  return register(name, Object.assign(op, { definition }));
}

/**
 * Registers an op that moves no elements: its result shares its input's memory. Where `view` finds no way, the
 * input is copied first.
 */
export function defineView<A>(definition: ViewDefinition<A>): View<A> {
  const { name, backward } = definition;
  const view = (given: Tensor, attrs: A): Tensor => {
    checkTensor(name, given);
    let input = given;
    let layout = definition.view(input, attrs);
    if (layout === null) {
      input = toContiguous(given);
      layout = definition.view(input, attrs)!;
    }
    checkLimits(name, layout.shape);
    const output = input.alias(layout.shape, layout.strides, layout.offset);
    if (isRecording() && input.requiresGrad) record(name, attrs, [input], [output], backward, undefined);
    if (input !== given) input.dispose();
    return output;
  };
  return register(name, Object.assign(view, { definition }));
}

export interface UpdateDefinition<A> {
  /** The name in messages and the row of native/core/ops.def. */
  readonly name: string;
  /** Throws what the user should read. */
  check(inputs: readonly Tensor[], attrs: A): void;
  /** As in {@link OpDefinition}. */
  readonly halves?: boolean;
  encode?(attrs: A, inputs: readonly Tensor[]): readonly number[];
}

export interface Update<A> {
  /** `written` are those of `inputs` that the kernel changes. */
  (inputs: readonly Tensor[], written: readonly Tensor[], attrs: A): void;
  readonly definition: UpdateDefinition<A>;
}

/**
 * Registers a kernel that has no output but writes into some of its inputs, such as an optimizer step. It is never
 * on the tape; a tensor that the tape has saved and an update then changes is an error of `backward`.
 */
export function defineUpdate<A>(definition: UpdateDefinition<A>): Update<A> {
  const { name, check, encode } = definition;
  let kernel = -1;
  const update = (inputs: readonly Tensor[], written: readonly Tensor[], attrs: A): void => {
    for (let i = 0; i < inputs.length; i++) checkTensor(name, inputs[i]);
    const stream = commonStream(name, inputs);
    check(inputs, attrs);
    if (!definition.halves) for (const { dtype } of inputs) refuseHalf(name, dtype);
    if (kernel < 0) kernel = stream.kernel(name);
    for (const tensor of written) tensor.storage.version++;
    stream.write(kernel, inputs, [], encode === undefined ? NO_ATTRIBUTES : encode(attrs, inputs));
  };
  return register(name, Object.assign(update, { definition }));
}

/** The stream of tensors that an op takes together. @throws DeviceError when they are on several devices. */
function commonStream(op: string, tensors: readonly Tensor[]): Stream {
  const { stream } = tensors[0]!.storage;
  for (let i = 1; i < tensors.length; i++) {
    if (tensors[i]!.storage.stream !== stream) throw mixedDevices(op, tensors);
  }
  return stream;
}

/** @internal The error for tensors that should be on one device. */
export function mixedDevices(op: string, tensors: readonly Tensor[]): DeviceError {
  const list = tensors.map(({ device }) => device);
  return new DeviceError(
    `${op}: the tensors are on different devices: ${list.join(", ")}, expected one: move those that are elsewhere, ` +
      `such as with x.to("${list.includes("cuda") ? "cuda" : list[0]}")`,
  );
}

/** @throws DTypeError for bfloat16 and float16. */
function refuseHalf(op: string, dtype: DType): void {
  if (isHalf(dtype)) throw new DTypeError(`${op}: no arithmetic in ${dtype}: it is for storage, cast to float32 first`);
}

function register<T>(name: string, op: T): T {
  if (registry.has(name)) throw new ArgumentError(`defineOp: the name is taken: ${name}`);
  registry.set(name, op as Op<never>);
  return op;
}

/** The row-major copy, or the tensor itself. Part of the graph. */
export function toContiguous(input: Tensor): Tensor {
  return input.isContiguous ? input : copy([input], undefined)[0]!;
}

/** out = in, laid out in row-major order. */
export const copy = defineOp<undefined>({
  name: "copy",
  halves: true,
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  backward: ({ grads }) => [grads[0]!],
});

function anyRequiresGrad(inputs: readonly Tensor[]): boolean {
  for (let i = 0; i < inputs.length; i++) if (inputs[i]!.requiresGrad) return true;
  return false;
}

/** @throws ArgumentError, DeviceError when `value` is no usable tensor of this thread. */
export function checkTensor(op: string, value: unknown): asserts value is Tensor {
  if (value instanceof Tensor) {
    value.check(op);
    return;
  }
  if (typeof value === "object" && value !== null && "storage" in value && "dtype" in value) {
    throw new DeviceError(
      `${op}: the tensor belongs to another thread or another copy of nabla: post its data() and rebuild it with tensor()`,
    );
  }
  throw new ArgumentError(`${op}: not a tensor: ${describe(value)}, expected a Tensor`);
}

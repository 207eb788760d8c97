import { currentStream, deviceStream, streamOf, type Device } from "../device.js";
import {
  checkDType,
  dtypeInfo,
  isFloating,
  isHalf,
  isInteger,
  type DType,
  type HalfDType,
  type TypedArray,
} from "../dtype.js";
import { ArgumentError, DTypeError, ShapeError, describe } from "../errors.js";
import { defineOp } from "../op.js";
import { MAX_RANK, checkShape, formatShape, sizeOf, type RankOf, type Shape, type ShapeOf } from "../shape.js";
import type { Stream } from "../stream.js";
import { Tensor, type NestedArray } from "../tensor.js";
import { checkNumber } from "./arguments.js";
import { cast } from "./cast.js";
import { checkOptions } from "../checks.js";

/** Where a new tensor lives and what it is made of. */
export interface CreationOptions<D extends DType = DType> {
  /** The dtype of the elements; where it is left out, the function says what they get. */
  dtype?: D;
  /** Where the elements are: "cpu" or "cuda"; by default the device of {@link withDevice}, or that of the environment. */
  device?: Device;
  /** Whether `backward()` is to leave a gradient here. float32 and float64 only. */
  requiresGrad?: boolean;
}

export interface TensorOptions<D extends DType = DType, S extends Shape = Shape> extends CreationOptions<D> {
  /** For data that is not nested as the tensor is to be: the elements in row-major order. */
  shape?: S;
}

/** What {@link tensor} makes a tensor of. */
export type TensorData = NestedArray | Float32Array | Float64Array | Int32Array | Uint8Array | Uint8ClampedArray;

type FlatArray = Exclude<TensorData, NestedArray> | Uint16Array;

type NestedNumbers = number | readonly NestedNumbers[];
type NestedBooleans = boolean | readonly NestedBooleans[];

/** The dtype that {@link tensor} chooses for its data. */
export type DTypeOfData<T extends TensorData> = T extends Float64Array
  ? "float64"
  : T extends Int32Array
    ? "int32"
    : T extends Uint8Array | Uint8ClampedArray
      ? "uint8"
      : T extends Float32Array | NestedNumbers
        ? "float32"
        : T extends NestedBooleans
          ? "bool"
          : DType;

type E = number | boolean;
type E1 = readonly E[];
type E2 = readonly E1[];
type E3 = readonly E2[];
type E4 = readonly E3[];
type E5 = readonly E4[];
type E6 = readonly E5[];
type E7 = readonly E6[];
type E8 = readonly E7[];

/** The rank of a tensor of this data: how deep its arrays are nested. */
// prettier-ignore
export type RankOfData<T extends TensorData> =
  T extends FlatArray ? 1 : T extends E ? 0 : T extends E1 ? 1 : T extends E2 ? 2 : T extends E3 ? 3 : T extends E4 ? 4
  : T extends E5 ? 5 : T extends E6 ? 6 : T extends E7 ? 7 : T extends E8 ? 8 : number;

const CREATION_OPTIONS = ["dtype", "device", "requiresGrad"];
const TENSOR_OPTIONS = ["shape", ...CREATION_OPTIONS];

/** As many elements as a command carries as attributes; more are uploaded. */
const MOST_CONSTANTS = 64;

/** @internal Checks the options that all creation functions share. @throws ArgumentError, DTypeError, DeviceError */
export function checkCreation<D extends DType>(
  op: string,
  options: CreationOptions<D>,
  names: readonly string[] = CREATION_OPTIONS,
): DType | undefined {
  checkOptions(op, options, names);
  if (options.device !== undefined) deviceStream(op, options.device);
  const dtype = options.dtype === undefined ? undefined : checkDType(op, options.dtype);
  const { requiresGrad } = options;
  if (requiresGrad !== undefined && typeof requiresGrad !== "boolean") {
    throw new ArgumentError(`${op}: requiresGrad is not a boolean: ${describe(requiresGrad)}, expected true or false`);
  }
  return dtype;
}

/** @internal @throws DTypeError when a tensor of this dtype cannot have the gradient that the options ask for. */
export function checkDifferentiable(op: string, dtype: DType, options: CreationOptions): void {
  if (options.requiresGrad && !isFloating(dtype)) {
    throw new DTypeError(`${op}: only float32 and float64 tensors can require gradients: the dtype is ${dtype}`);
  }
}

/** @internal The stream of a new tensor with these options, which were checked. */
export function streamFor({ device }: CreationOptions): Stream {
  return device === undefined ? currentStream() : streamOf(device);
}

/** @internal */
export function withGradient<T extends Tensor>(made: T, options: CreationOptions): T {
  if (options.requiresGrad) made.requiresGrad = true;
  return made;
}

/** A tensor of at most 64 elements, which travel in the command itself. */
const constant = defineOp<{ shape: Shape; dtype: DType; values: readonly number[] }>({
  name: "constant",
  halves: true,
  infer: (_, { shape, dtype }) => [{ shape, dtype }],
  encode: ({ values }) => values,
  backward: null,
});

const fill = defineOp<{ shape: Shape; dtype: DType; value: number }>({
  name: "fill",
  halves: true,
  infer: (_, { shape, dtype }) => [{ shape, dtype }],
  encode: ({ value }) => [value],
  backward: null,
});

/**
 * A tensor with the given elements: nested arrays as deep as the tensor has dimensions, a typed array (one
 * dimension, or `shape`), or a single number. The data is copied before this returns.
 *
 * The dtype, unless given: float32 for numbers, bool for booleans, a typed array's own otherwise. For bfloat16 and
 * float16, numbers are rounded once, while a `Uint16Array` holds the elements' bits as they are.
 *
 * @throws ShapeError when the nested arrays are ragged, or the number of elements does not fit `shape`.
 * @throws ArgumentError for an element that is no number, or that the dtype cannot hold.
 * @throws DTypeError when `requiresGrad` is asked of an integer tensor.
 */
export function tensor<D extends HalfDType, const S extends Shape = readonly [number]>(
  bits: Uint16Array,
  options: TensorOptions<D, S> & { dtype: D },
): Tensor<D, RankOf<S>>;
export function tensor<
  T extends TensorData,
  D extends DType = DTypeOfData<T>,
  const S extends Shape = ShapeOf<RankOfData<T>>,
>(values: T, options?: TensorOptions<D, S>): Tensor<D, RankOf<S>>;
export function tensor(values: TensorData | Uint16Array, options: TensorOptions = {}): Tensor {
  const wanted = checkCreation("tensor", options, TENSOR_OPTIONS);
  const { data, shape: ownShape, dtype } = isFlat(values) ? fromFlat(values, wanted) : fromNested(values, wanted);
  checkDifferentiable("tensor", dtype, options);
  const shape = options.shape === undefined ? ownShape : checkShape("tensor", options.shape);
  if (sizeOf(shape) !== data.length) {
    throw new ShapeError(
      `tensor: the data does not fit the shape: ${data.length} elements, ${formatShape(shape)} has ${sizeOf(shape)}`,
    );
  }
  return withGradient(upload(data, shape, dtype, streamFor(options)), options);
}

/**
 * @internal A tensor of elements that are known to fit shape and dtype. Those of bfloat16 and float16 are numbers of
 * any typed array, or their bits in a Uint16Array.
 */
export function upload(
  data: TypedArray | Uint16Array,
  shape: Shape,
  dtype: DType,
  stream: Stream = currentStream(),
): Tensor {
  const bits = data instanceof Uint16Array;
  if (data.length <= MOST_CONSTANTS && !bits) {
    return constant([], { shape, dtype, values: Array.from(data) }, stream)[0]!;
  }
  if (isHalf(dtype) && !bits) {
    const numbers = upload(data, shape, dtypeOfArray(data), stream);
    const rounded = cast(numbers, dtype);
    numbers.dispose();
    return rounded;
  }
  const made = Tensor.create(stream, shape, dtype);
  stream.upload(made.storage, dtype, shape, data);
  return made;
}

interface Elements {
  readonly data: TypedArray | Uint16Array;
  readonly shape: Shape;
  readonly dtype: DType;
}

function isFlat(values: unknown): values is FlatArray {
  return ArrayBuffer.isView(values);
}

function fromFlat(values: FlatArray, wanted: DType | undefined): Elements {
  const shape = checkShape("tensor", [values.length]);
  if (values instanceof Uint16Array && wanted !== undefined && isHalf(wanted)) {
    return { data: values, shape, dtype: wanted };
  }
  const own = dtypeOfArray(values);
  const dtype = wanted ?? own;
  if (dtype === own || isHalf(dtype)) return { data: values as TypedArray, shape, dtype };
  const data = newArray(dtype, values.length);
  if (isFloating(dtype)) data.set(values);
  else for (let i = 0; i < data.length; i++) data[i] = toInteger("tensor", dtype, values[i]!, () => `[${i}]`);
  return { data, shape, dtype };
}

function dtypeOfArray(values: ArrayBufferView): DType {
  if (values instanceof Float32Array) return "float32";
  if (values instanceof Float64Array) return "float64";
  if (values instanceof Int32Array) return "int32";
  if (values instanceof Uint8Array || values instanceof Uint8ClampedArray) return "uint8";
  if (values instanceof Uint16Array) {
    throw new ArgumentError(
      "tensor: a Uint16Array holds bits: the dtype is neither bfloat16 nor float16, expected one of them",
    );
  }
  throw new ArgumentError(
    `tensor: no dtype holds the elements of this array: ${describe(values)}, expected Float32Array, Float64Array, Int32Array or Uint8Array`,
  );
}

function fromNested(values: NestedArray, wanted: DType | undefined): Elements {
  const nestedShape: number[] = [];
  let first: unknown = values;
  for (; Array.isArray(first) && nestedShape.length <= MAX_RANK; first = first[0] as unknown)
    nestedShape.push(first.length);
  const shape = checkShape("tensor", nestedShape);
  const dtype = wanted ?? (typeof first === "boolean" ? "bool" : "float32");
  // Halves are rounded from float64, once.
  const data = newArray(isHalf(dtype) ? "float64" : dtype, sizeOf(shape));
  const integer = isInteger(dtype);
  const path: number[] = [];
  const place = (): string => (path.length === 0 ? "the value" : path.map((i) => `[${i}]`).join(""));
  let at = 0;
  const copyLevel = (value: unknown, axis: number): void => {
    if (axis < shape.length) {
      if (!Array.isArray(value) || value.length !== shape[axis]) {
        const found = Array.isArray(value) ? `an array of ${value.length}` : describe(value);
        throw new ShapeError(
          `tensor: the nested arrays are ragged: ${place()} is ${found}, expected an array of ${shape[axis]} as before it`,
        );
      }
      for (let i = 0; i < value.length; i++) {
        path[axis] = i;
        copyLevel(value[i], axis + 1);
      }
      path.length = axis;
      return;
    }
    if (Array.isArray(value)) {
      throw new ShapeError(
        `tensor: the nested arrays are ragged: ${place()} is an array of ${value.length}, expected a number as before it`,
      );
    }
    if (typeof value !== "number" && typeof value !== "boolean") {
      throw new ArgumentError(`tensor: not a number: ${place()} is ${describe(value)}, expected numbers or booleans`);
    }
    if (wanted === undefined && (typeof value === "boolean") !== (dtype === "bool")) {
      throw new ArgumentError(
        `tensor: numbers and booleans are mixed: ${place()} is ${value}, expected one kind, or the option dtype`,
      );
    }
    data[at++] = integer ? toInteger("tensor", dtype, Number(value), place) : Number(value);
  };
  copyLevel(values, 0);
  return { data, shape, dtype };
}

function newArray(dtype: Exclude<DType, HalfDType>, length: number): TypedArray {
  return new dtypeInfo[dtype].array(new ArrayBuffer(length * dtypeInfo[dtype].size));
}

const LIMITS: Readonly<Record<string, readonly [number, number]>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint8: [0, 255],
};

/** @internal Fractions are cut off, as NumPy does; a bool is whether the value is other than 0. @throws ArgumentError */
export function toInteger(op: string, dtype: DType, value: number, place: () => string): number {
  if (dtype === "bool") return value !== 0 ? 1 : 0;
  const [low, high] = LIMITS[dtype]!;
  const integer = Math.trunc(value);
  if (!(integer >= low && integer <= high)) {
    throw new ArgumentError(`${op}: ${dtype} cannot hold a value: ${place()} is ${value}, expected ${low} to ${high}`);
  }
  return integer;
}

/**
 * A tensor with the same value everywhere. The dtype is float32 unless given, or bool for a boolean.
 *
 * @throws ShapeError for a negative or fractional size. @throws ArgumentError for a value that the dtype cannot hold.
 */
export function full<
  V extends number | boolean,
  D extends DType = V extends boolean ? "bool" : "float32",
  const S extends Shape = Shape,
>(shape: S, value: V, options: CreationOptions<D> = {}): Tensor<D, RankOf<S>> {
  return filled("full", shape, value, options) as Tensor<D, RankOf<S>>;
}

function filled(op: string, shape: Shape, value: number | boolean, options: CreationOptions): Tensor {
  const dtype = checkCreation(op, options) ?? (typeof value === "boolean" ? "bool" : "float32");
  if (typeof value !== "number" && typeof value !== "boolean") {
    throw new ArgumentError(`${op}: not a number: ${describe(value)}, expected a number or a boolean`);
  }
  checkDifferentiable(op, dtype, options);
  const checked = checkShape(op, shape);
  const number = Number(value);
  const element = isInteger(dtype) ? toInteger(op, dtype, number, () => "the value") : number;
  return withGradient(fill([], { shape: checked, dtype, value: element }, streamFor(options))[0]!, options);
}

/** A tensor of zeros. Errors as in {@link full}. */
export function zeros<D extends DType = "float32", const S extends Shape = Shape>(
  shape: S,
  options: CreationOptions<D> = {},
): Tensor<D, RankOf<S>> {
  return filled("zeros", shape, 0, options) as Tensor<D, RankOf<S>>;
}

/** A tensor of ones. Errors as in {@link full}. */
export function ones<D extends DType = "float32", const S extends Shape = Shape>(
  shape: S,
  options: CreationOptions<D> = {},
): Tensor<D, RankOf<S>> {
  return filled("ones", shape, 1, options) as Tensor<D, RankOf<S>>;
}

const range = defineOp<{ size: number; dtype: DType; start: number; step: number }>({
  name: "arange",
  halves: true,
  infer: (_, { size, dtype }) => [{ shape: [size], dtype }],
  encode: ({ start, step }) => [start, step],
  backward: null,
});

/**
 * The numbers from `start` up to but without `stop`: `arange(stop)` or `arange(start, stop, step)`. float32 unless
 * a dtype is given.
 *
 * @throws ArgumentError for a step of 0, a number that is not finite, or dtype bool.
 */
export function arange<D extends DType = "float32">(stop: number, options?: CreationOptions<D>): Tensor<D, 1>;
export function arange<D extends DType = "float32">(
  start: number,
  stop: number,
  step?: number,
  options?: CreationOptions<D>,
): Tensor<D, 1>;
export function arange(
  first: number,
  second?: number | CreationOptions,
  third?: number,
  fourth?: CreationOptions,
): Tensor {
  const short = second === undefined || typeof second === "object";
  const [start, stop, step] = short ? [0, first, 1] : [first, second, third ?? 1];
  const options = (short ? second : fourth) ?? {};
  const dtype = checkCreation("arange", options) ?? "float32";
  checkDifferentiable("arange", dtype, options);
  for (const [name, value] of [
    ["start", start],
    ["stop", stop],
    ["step", step],
  ] as const) {
    if (!Number.isFinite(checkNumber("arange", name, value))) {
      throw new ArgumentError(`arange: ${name} is not finite: ${value}, expected a finite number`);
    }
  }
  if (step === 0) throw new ArgumentError("arange: the step is 0: expected a positive or negative number");
  if (dtype === "bool") throw new DTypeError("arange: bool holds no range: expected another dtype");
  const shape = checkShape("arange", [Math.max(0, Math.ceil((stop - start) / step))]);
  const size = shape[0]!;
  if (isInteger(dtype) && size > 0) {
    toInteger("arange", dtype, start, () => "the first element");
    toInteger("arange", dtype, start + (size - 1) * step, () => "the last element");
  }
  return withGradient(range([], { size, dtype, start, step }, streamFor(options))[0]!, options);
}

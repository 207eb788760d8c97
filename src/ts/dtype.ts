import { ArgumentError } from "./errors.js";

/** The element types, in the order of native/core/tensor_view.h; a dtype's place is its number in commands. */
export const DTYPES = ["float32", "float64", "int32", "uint8", "bool", "bfloat16", "float16"] as const;

/** What the elements of a tensor are. */
export type DType = (typeof DTYPES)[number];

/** The dtypes of 16 bits that tensors are stored in; arithmetic makes float32 of them. */
export type HalfDType = "bfloat16" | "float16";

/**
 * The typed array that holds the values of a dtype's elements on the JavaScript side. `bool` is 0 or 1 in a Uint8Array;
 * a Float32Array has room for those of bfloat16 and float16.
 */
export interface TypedArrayOf {
  float32: Float32Array;
  float64: Float64Array;
  int32: Int32Array;
  uint8: Uint8Array;
  bool: Uint8Array;
  bfloat16: Float32Array;
  float16: Float32Array;
}

/** What the elements of a tensor are read as: uint8 and bool as Uint8Array, bfloat16 and float16 as Float32Array. */
export type TypedArray = TypedArrayOf[DType];

/** What an element is in nested arrays. */
export interface ElementOf {
  float32: number;
  float64: number;
  int32: number;
  uint8: number;
  bool: boolean;
  bfloat16: number;
  float16: number;
}

export interface DTypeInfo {
  readonly code: number;
  readonly size: number;
  /** Of the values as JavaScript reads them. */
  readonly array: new (buffer: ArrayBuffer, byteOffset?: number, length?: number) => TypedArray;
  readonly kind: "float" | "half" | "integer" | "bool";
}

/** Number in commands, bytes an element, array class, kind. */
export const dtypeInfo: Readonly<Record<DType, DTypeInfo>> = {
  float32: { code: 0, size: 4, array: Float32Array, kind: "float" },
  float64: { code: 1, size: 8, array: Float64Array, kind: "float" },
  int32: { code: 2, size: 4, array: Int32Array, kind: "integer" },
  uint8: { code: 3, size: 1, array: Uint8Array, kind: "integer" },
  bool: { code: 4, size: 1, array: Uint8Array, kind: "bool" },
  bfloat16: { code: 5, size: 2, array: Float32Array, kind: "half" },
  float16: { code: 6, size: 2, array: Float32Array, kind: "half" },
};

export function isDType(value: unknown): value is DType {
  return typeof value === "string" && Object.hasOwn(dtypeInfo, value);
}

/** @throws ArgumentError when `value` is no dtype. */
export function checkDType(op: string, value: unknown): DType {
  if (isDType(value)) return value;
  throw new ArgumentError(`${op}: unknown dtype: ${String(value)}, expected one of ${DTYPES.join(", ")}`);
}

/** Whether floating-point arithmetic is done in this dtype: float32 or float64. */
export function isFloating(dtype: DType): boolean {
  return dtype === "float32" || dtype === "float64";
}

/** Whether this is a dtype of storage, bfloat16 or float16: kernels move its elements, and convert them. */
export function isHalf(dtype: DType): dtype is HalfDType {
  return dtype === "bfloat16" || dtype === "float16";
}

/** Whether the elements are integers, or bools. */
export function isInteger(dtype: DType): boolean {
  const { kind } = dtypeInfo[dtype];
  return kind === "integer" || kind === "bool";
}

/** The dtype of the gradient of a tensor: its own, float32 for bfloat16 and float16, null where there is none. */
export function gradientDType(dtype: DType): "float32" | "float64" | null {
  if (dtype === "float32" || dtype === "float64") return dtype;
  return isHalf(dtype) ? "float32" : null;
}

// bool < uint8 < int32 < float32 < float64
const rank: Readonly<Record<Exclude<DType, HalfDType>, number>> = {
  bool: 0,
  uint8: 1,
  int32: 2,
  float32: 3,
  float64: 4,
};

/**
 * The dtype of a binary op's result: the later of the two in bool, uint8, int32, float32, float64, where bfloat16 and
 * float16 count as float32. An integer with a float32 stays float32, as in Keras and PyTorch. docs/dtypes.md has
 * the table.
 */
export function promote(a: DType, b: DType): DType {
  const x = isHalf(a) ? "float32" : a;
  const y = isHalf(b) ? "float32" : b;
  return rank[x] >= rank[y] ? x : y;
}

// As tables and not as conditional types: so the compiler sees that a Tensor<"int32"> is a Tensor.
interface Promotions {
  bool: {
    bool: "bool";
    uint8: "uint8";
    int32: "int32";
    bfloat16: "float32";
    float16: "float32";
    float32: "float32";
    float64: "float64";
  };
  uint8: {
    bool: "uint8";
    uint8: "uint8";
    int32: "int32";
    bfloat16: "float32";
    float16: "float32";
    float32: "float32";
    float64: "float64";
  };
  int32: {
    bool: "int32";
    uint8: "int32";
    int32: "int32";
    bfloat16: "float32";
    float16: "float32";
    float32: "float32";
    float64: "float64";
  };
  bfloat16: {
    bool: "float32";
    uint8: "float32";
    int32: "float32";
    bfloat16: "float32";
    float16: "float32";
    float32: "float32";
    float64: "float64";
  };
  float16: {
    bool: "float32";
    uint8: "float32";
    int32: "float32";
    bfloat16: "float32";
    float16: "float32";
    float32: "float32";
    float64: "float64";
  };
  float32: {
    bool: "float32";
    uint8: "float32";
    int32: "float32";
    bfloat16: "float32";
    float16: "float32";
    float32: "float32";
    float64: "float64";
  };
  float64: {
    bool: "float64";
    uint8: "float64";
    int32: "float64";
    bfloat16: "float64";
    float16: "float64";
    float32: "float64";
    float64: "float64";
  };
}

/** {@link promote} for the compiler. */
export type Promote<A extends DType, B extends DType> = Promotions[A][B];

/** float64 for float64, or else float32. */
export type FloatOf<D extends DType> = Promote<D, "float32">;

interface NumberPromotions {
  bool: "bool" | "uint8" | "int32" | "float32";
  uint8: "uint8" | "int32" | "float32";
  int32: "int32" | "float32";
  bfloat16: "float32";
  float16: "float32";
  float32: "float32";
  float64: "float64";
}

/** What an op on a tensor and a number may give: the tensor's dtype, or a later one that holds the number. */
export type WithNumber<D extends DType> = NumberPromotions[D];

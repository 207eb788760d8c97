import { ArgumentError } from "./errors.js";

/** The element types, in the order of native/core/tensor_view.h; a dtype's place is its number in commands. */
export const DTYPES = ["float32", "float64", "int32", "uint8", "bool"] as const;

export type DType = (typeof DTYPES)[number];

/** The typed array that holds a dtype's elements on the JavaScript side. `bool` is 0 or 1 in a Uint8Array. */
export interface TypedArrayOf {
  float32: Float32Array;
  float64: Float64Array;
  int32: Int32Array;
  uint8: Uint8Array;
  bool: Uint8Array;
}

export type TypedArray = TypedArrayOf[DType];

/** What an element is in nested arrays. */
export interface ElementOf {
  float32: number;
  float64: number;
  int32: number;
  uint8: number;
  bool: boolean;
}

interface DTypeInfo {
  readonly code: number;
  readonly size: number;
  readonly array: new (buffer: ArrayBuffer, byteOffset?: number, length?: number) => TypedArray;
  readonly floating: boolean;
}

/** Number in commands, bytes an element, array class. */
export const dtypeInfo: Readonly<Record<DType, DTypeInfo>> = {
  float32: { code: 0, size: 4, array: Float32Array, floating: true },
  float64: { code: 1, size: 8, array: Float64Array, floating: true },
  int32: { code: 2, size: 4, array: Int32Array, floating: false },
  uint8: { code: 3, size: 1, array: Uint8Array, floating: false },
  bool: { code: 4, size: 1, array: Uint8Array, floating: false },
};

export function isDType(value: unknown): value is DType {
  return typeof value === "string" && Object.hasOwn(dtypeInfo, value);
}

/** @throws ArgumentError when `value` is no dtype. */
export function checkDType(op: string, value: unknown): DType {
  if (isDType(value)) return value;
  throw new ArgumentError(`${op}: unknown dtype: ${String(value)}, expected one of ${DTYPES.join(", ")}`);
}

export function isFloating(dtype: DType): boolean {
  return dtypeInfo[dtype].floating;
}

// bool < uint8 < int32 < float32 < float64
const rank: Readonly<Record<DType, number>> = { bool: 0, uint8: 1, int32: 2, float32: 3, float64: 4 };

/**
 * The dtype of a binary op's result: the later of the two in bool, uint8, int32, float32, float64. An integer
 * with a float32 stays float32, as in Keras and PyTorch.
 */
export function promote(a: DType, b: DType): DType {
  return rank[a] >= rank[b] ? a : b;
}

// As tables and not as conditional types: so the compiler sees that a Tensor<"int32"> is a Tensor.
interface Promotions {
  bool: { bool: "bool"; uint8: "uint8"; int32: "int32"; float32: "float32"; float64: "float64" };
  uint8: { bool: "uint8"; uint8: "uint8"; int32: "int32"; float32: "float32"; float64: "float64" };
  int32: { bool: "int32"; uint8: "int32"; int32: "int32"; float32: "float32"; float64: "float64" };
  float32: { bool: "float32"; uint8: "float32"; int32: "float32"; float32: "float32"; float64: "float64" };
  float64: { bool: "float64"; uint8: "float64"; int32: "float64"; float32: "float64"; float64: "float64" };
}

/** {@link promote} for the compiler. */
export type Promote<A extends DType, B extends DType> = Promotions[A][B];

/** The dtype itself where it is floating-point, or else float32. */
export type FloatOf<D extends DType> = Promote<D, "float32">;

interface NumberPromotions {
  bool: "bool" | "uint8" | "int32" | "float32";
  uint8: "uint8" | "int32" | "float32";
  int32: "int32" | "float32";
  float32: "float32";
  float64: "float64";
}

/** What an op on a tensor and a number may give: the tensor's dtype, or a later one that holds the number. */
export type WithNumber<D extends DType> = NumberPromotions[D];

import type { DType } from "../dtype.js";

/** What becomes of the elements of a dtype of the format. */
interface Elements {
  /** Bytes an element, in the file. */
  readonly size: number;
  /** The dtype of the tensor. */
  readonly dtype: DType;
  /**
   * Writes the elements of some whole elements' bytes into `target`; null where the file has them as tensors do. Gives the first
   * value that the dtype cannot hold, and its place.
   */
  readonly convert: ((bytes: ArrayBuffer, target: ArrayBuffer, at: number) => Misfit | null) | null;
}

export interface Misfit {
  readonly value: bigint | number;
  readonly place: number;
}

type Convert = NonNullable<Elements["convert"]>;

function widen(array: new (bytes: ArrayBuffer) => ArrayLike<number>): Convert {
  return (bytes, target, at) => {
    new Int32Array(target).set(new array(bytes), at);
    return null;
  };
}

/** Integers of 64 bits are taken as two words: BigInts would take many times as long. */
function narrow64(signed: boolean): Convert {
  return (bytes, target, at) => {
    const words = new Int32Array(bytes);
    const out = new Int32Array(target, 4 * at);
    for (let i = 0; 2 * i < words.length; i++) {
      const low = words[2 * i]!;
      if (words[2 * i + 1]! !== (signed ? low >> 31 : 0) || (!signed && low < 0)) {
        const value = signed ? new BigInt64Array(bytes)[i]! : new BigUint64Array(bytes)[i]!;
        return { value, place: at + i };
      }
      out[i] = low;
    }
    return null;
  };
}

function narrowU32(bytes: ArrayBuffer, target: ArrayBuffer, at: number): Misfit | null {
  const words = new Int32Array(bytes);
  const negative = words.findIndex((word) => word < 0);
  if (negative >= 0) return { value: words[negative]! >>> 0, place: at + negative };
  new Int32Array(target).set(words, at);
  return null;
}

function toBool(bytes: ArrayBuffer, target: ArrayBuffer, at: number): null {
  const from = new Uint8Array(bytes);
  const out = new Uint8Array(target, at);
  for (let i = 0; i < from.length; i++) out[i] = from[i] === 0 ? 0 : 1;
  return null;
}

/** The dtypes of the format that tensors can take. */
export const ELEMENTS: ReadonlyMap<string, Elements> = new Map<string, Elements>([
  ["F64", { size: 8, dtype: "float64", convert: null }],
  ["F32", { size: 4, dtype: "float32", convert: null }],
  ["F16", { size: 2, dtype: "float16", convert: null }],
  ["BF16", { size: 2, dtype: "bfloat16", convert: null }],
  ["I64", { size: 8, dtype: "int32", convert: narrow64(true) }],
  ["I32", { size: 4, dtype: "int32", convert: null }],
  ["I16", { size: 2, dtype: "int32", convert: widen(Int16Array) }],
  ["I8", { size: 1, dtype: "int32", convert: widen(Int8Array) }],
  ["U64", { size: 8, dtype: "int32", convert: narrow64(false) }],
  ["U32", { size: 4, dtype: "int32", convert: narrowU32 }],
  ["U16", { size: 2, dtype: "int32", convert: widen(Uint16Array) }],
  ["U8", { size: 1, dtype: "uint8", convert: null }],
  ["BOOL", { size: 1, dtype: "bool", convert: toBool }],
]);

/** The name in the format of each dtype, in the order in which the format's own library writes them: large elements first. */
export const NAMES: Readonly<Record<DType, string>> = {
  float64: "F64",
  float32: "F32",
  int32: "I32",
  bfloat16: "BF16",
  float16: "F16",
  uint8: "U8",
  bool: "BOOL",
};

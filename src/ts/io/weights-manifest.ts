import { dtypeInfo, type DType } from "../dtype.js";
import { FormatError } from "../errors.js";
import type { Shape } from "../shape.js";
import { checkInside } from "./inside.js";
import { isObject, show } from "./json.js";
import { bytesOfShape, type FileElements } from "./read-tensor.js";
import { ELEMENTS } from "./safetensors-elements.js";

/** The dtypes of the manifest, by their names in safetensors files. */
const DTYPES: Readonly<Record<string, string>> = {
  float32: "F32",
  int32: "I32",
  bool: "BOOL",
  uint8: "U8",
  float16: "F16",
};
/** What quantized elements are stored as. */
const STORED = { uint8: Uint8Array, uint16: Uint16Array, float16: Uint16Array } as const;

/** How a weight lies in its file. */
type Encoding = Pick<FileElements, "size" | "dtype" | "convert">;

/** A weight of a group: its bytes go from `begin` to before `end` of the group's files put together. */
export interface WeightEntry extends Encoding {
  readonly name: string;
  readonly shape: Shape;
  /** What the tensor is cast to when it has been read. */
  readonly finalDType: DType;
  readonly begin: number;
  readonly end: number;
  /** Whether it belongs to an optimizer, and not to the model. */
  readonly ofOptimizer: boolean;
}

/** Weights that lie one behind the other, in files that are to be put together. */
export interface WeightGroup {
  readonly paths: readonly string[];
  readonly weights: readonly WeightEntry[];
  /** What the weights take. */
  readonly bytes: number;
  /** For messages. */
  readonly place: string;
}

/**
 * Takes a `weightsManifest` apart. Opens no file.
 *
 * @param file the one that it stands in.
 * @throws FormatError naming the file and the weight.
 */
export function parseManifest(op: string, manifest: unknown, file: string): WeightGroup[] {
  if (!Array.isArray(manifest)) {
    throw new FormatError(
      `${op}: weightsManifest is wrong: ${show(manifest)} in ${file}, expected a list of { paths, weights }`,
    );
  }
  const names = new Set<string>();
  const paths = new Set<string>();
  return manifest.map((group: unknown, i) => {
    const place = `group ${i} of the weightsManifest in ${file}`;
    if (!isObject(group) || !Array.isArray(group["paths"]) || !Array.isArray(group["weights"])) {
      throw new FormatError(`${op}: not a group: ${show(group)} for ${place}, expected { paths, weights }`);
    }
    for (const path of group["paths"] as unknown[]) {
      addNew(op, paths, checkInside(op, path, `in ${place}`), "file", place);
    }
    let bytes = 0;
    const weights = (group["weights"] as unknown[]).map((value, j) => {
      const weight = parseWeight(op, value, bytes, `weight ${j} of ${place}`, file);
      addNew(op, names, weight.name, "name", place);
      bytes = weight.end;
      return weight;
    });
    return { paths: group["paths"] as string[], weights, bytes, place };
  });
}

function addNew(op: string, known: Set<string>, name: string, what: string, place: string): void {
  if (known.has(name)) throw new FormatError(`${op}: duplicate ${what}: ${show(name)} in ${place}, expected it once`);
  known.add(name);
}

function parseWeight(op: string, value: unknown, begin: number, where: string, file: string): WeightEntry {
  if (!isObject(value) || typeof value["name"] !== "string") {
    throw new FormatError(`${op}: not a weight: ${show(value)} for ${where}, expected { name, shape, dtype }`);
  }
  const { name, shape, dtype, quantization } = value;
  const place = `weight ${show(name)} in ${file}`;
  const known = typeof dtype === "string" && Object.hasOwn(DTYPES, dtype) ? DTYPES[dtype] : undefined;
  if (known === undefined) {
    const all = Object.keys(DTYPES).join(", ");
    throw new FormatError(`${op}: unknown dtype: ${show(dtype)} of ${place}, expected one of ${all}`);
  }
  const plain: Encoding = ELEMENTS.get(known)!;
  const encoding = quantization === undefined ? plain : dequantizing(op, quantization, plain.dtype, place);
  const end = begin + bytesOfShape(op, shape, encoding.size, place);
  if (!Number.isSafeInteger(end)) {
    throw new FormatError(`${op}: too many bytes: ${place} ends at byte ${end} of its group, expected at most 2^53`);
  }
  const ofOptimizer = value["group"] === "optimizer";
  return { ...encoding, name, shape: shape as Shape, finalDType: plain.dtype, begin, end, ofOptimizer };
}

/** How elements are stored that become `value * scale + min`, or halves that become float32. */
function dequantizing(op: string, quantization: unknown, dtype: DType, place: string): Encoding {
  const stored = isObject(quantization) ? quantization["dtype"] : undefined;
  if (!isObject(quantization) || typeof stored !== "string" || !Object.hasOwn(STORED, stored)) {
    throw new FormatError(
      `${op}: unknown quantization: ${show(quantization)} of ${place}, expected a dtype of ${Object.keys(STORED).join(", ")}`,
    );
  }
  if (dtype !== "float32" && (dtype !== "int32" || stored === "float16")) {
    throw new FormatError(
      `${op}: the quantization does not fit: ${stored} for ${dtype} of ${place}, expected float32${stored === "float16" ? "" : " or int32"}`,
    );
  }
  if (stored === "float16") return ELEMENTS.get("F16")!;
  const array = STORED[stored as "uint8" | "uint16"];
  const { min, scale } = quantization;
  const most = 2 ** (8 * array.BYTES_PER_ELEMENT) - 1;
  const ends = [min as number, most * (scale as number) + (min as number)];
  const fits = (end: number): boolean =>
    dtype === "int32" ? Math.round(end) === (Math.round(end) | 0) : Number.isFinite(Math.fround(end));
  if (typeof min !== "number" || typeof scale !== "number" || !ends.every(fits)) {
    throw new FormatError(
      `${op}: min and scale are wrong: ${show(min)} and ${show(scale)} of ${place}, expected numbers that ${dtype} holds`,
    );
  }
  const round = dtype === "int32" ? Math.round : (value: number): number => value;
  return {
    size: array.BYTES_PER_ELEMENT,
    dtype,
    convert(bytes, target, at) {
      const from = new array(bytes);
      const out = new dtypeInfo[dtype].array(target);
      for (let i = 0; i < from.length; i++) out[at + i] = round(from[i]! * scale + min);
    },
  };
}

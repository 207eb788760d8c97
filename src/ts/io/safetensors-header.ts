import { dtypeInfo, type DType } from "../dtype.js";
import { FormatError } from "../errors.js";
import { formatShape, sizeOf, type Shape } from "../shape.js";
import { isObject, parseJson, show } from "./json.js";
import { bytesOfShape, isSizes } from "./read-tensor.js";
import { ELEMENTS, NAMES } from "./safetensors-elements.js";

/** What the format allows a header to take. */
export const MAX_HEADER = 100_000_000;
/** The header's length comes first, as a number of 64 bits. */
export const LENGTH_BYTES = 8;
/** The one name that is no tensor's. */
export const METADATA = "__metadata__";

const OP = "loadSafetensors";
const FIELDS = ["dtype", "shape", "data_offsets"];

/** A tensor of a file: its dtype there, and the bytes from `begin` to before `end` of the data. */
export interface Entry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: Shape;
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  /** In the order of their data. */
  readonly entries: readonly Entry[];
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * How many bytes the header has, from the first eight bytes of a file of `fileSize`.
 *
 * @throws FormatError when it cannot have so many; nothing of that size has been allocated then.
 */
export function headerLength(first: Uint8Array, fileSize: number, file: string): number {
  if (first.length < LENGTH_BYTES) {
    throw new FormatError(
      `${OP}: truncated file: ${file} ends at byte ${first.length}, expected at least ${LENGTH_BYTES} bytes`,
    );
  }
  const length = new DataView(first.buffer, first.byteOffset).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER)) {
    throw new FormatError(
      `${OP}: header too long: ${file} says ${length} bytes at byte 0, expected at most ${MAX_HEADER}`,
    );
  }
  if (Number(length) > fileSize - LENGTH_BYTES) {
    throw new FormatError(
      `${OP}: truncated file: ${file} ends at byte ${fileSize}, its header of ${length} bytes at ${LENGTH_BYTES + Number(length)}`,
    );
  }
  return Number(length);
}

/**
 * Takes the header's bytes apart, and proves that its tensors cover the `dataSize` bytes behind it, each byte once.
 *
 * @throws FormatError naming the file and the tensor.
 */
export function parseHeader(bytes: Uint8Array, dataSize: number, file: string): Header {
  if (bytes[0] !== 0x7b) {
    const found = bytes.length === 0 ? "nothing" : show(String.fromCharCode(bytes[0]!));
    throw new FormatError(`${OP}: not a header: ${file} has ${found} at byte ${LENGTH_BYTES}, expected "{"`);
  }
  // As it begins with a brace, what it holds is an object.
  const fields = parseJson(OP, bytes, `the header of ${file}`) as Record<string, unknown>;
  const entries: Entry[] = [];
  let metadata: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(fields)) {
    if (name === METADATA) metadata = parseMetadata(value, file);
    else entries.push(parseEntry(name, value, dataSize, file));
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkCover(entries, dataSize, file);
  return { entries, metadata };
}

function parseMetadata(value: unknown, file: string): Record<string, string> {
  if (!isObject(value)) {
    throw new FormatError(`${OP}: ${METADATA} is wrong: ${show(value)} in ${file}, expected an object of strings`);
  }
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") {
      throw new FormatError(`${OP}: ${METADATA} is wrong: ${show(key)} is ${show(text)} in ${file}, expected a string`);
    }
  }
  return Object.setPrototypeOf(value, null) as Record<string, string>;
}

function parseEntry(name: string, value: unknown, dataSize: number, file: string): Entry {
  const place = `tensor ${show(name)} in ${file}`;
  if (!isObject(value)) {
    throw new FormatError(`${OP}: not a tensor: ${show(value)} for ${place}, expected { ${FIELDS.join(", ")} }`);
  }
  const missing = FIELDS.find((field) => !Object.hasOwn(value, field));
  if (missing !== undefined) throw new FormatError(`${OP}: missing field: ${place}, expected "${missing}"`);
  const extra = Object.keys(value).find((field) => !FIELDS.includes(field));
  if (extra !== undefined) {
    throw new FormatError(`${OP}: unknown field: ${show(extra)} of ${place}, expected ${FIELDS.join(", ")} alone`);
  }
  const { dtype, shape, data_offsets: offsets } = value;
  const elements = typeof dtype === "string" ? ELEMENTS.get(dtype) : undefined;
  if (elements === undefined) {
    const known = [...ELEMENTS.keys()].join(", ");
    throw new FormatError(`${OP}: unknown dtype: ${show(dtype)} of ${place}, expected one of ${known}`);
  }
  const needed = bytesOfShape(OP, shape, elements.size, place);
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) {
    throw new FormatError(`${OP}: data_offsets are wrong: ${show(offsets)} of ${place}, expected [begin, end]`);
  }
  const [begin, end] = offsets as [number, number];
  if (end - begin !== needed) {
    throw new FormatError(
      `${OP}: data_offsets do not fit: ${end - begin} bytes for ${place}, expected ${needed} for ${dtype as string} of ${show(shape)}`,
    );
  }
  if (end > dataSize) {
    throw new FormatError(`${OP}: truncated file: the data of ${place} ends at byte ${end}, there are ${dataSize}`);
  }
  return { name, dtype: dtype as string, shape: shape as Shape, begin, end };
}

function checkCover(entries: readonly Entry[], dataSize: number, file: string): void {
  let end = 0;
  for (const entry of entries) {
    if (entry.begin !== end) {
      const what = entry.begin < end ? "data overlaps" : "a hole in the data";
      throw new FormatError(
        `${OP}: ${what}: tensor ${show(entry.name)} in ${file} begins at byte ${entry.begin} of the data, expected ${end}`,
      );
    }
    ({ end } = entry);
  }
  if (end !== dataSize) {
    throw new FormatError(`${OP}: bytes left over: ${file} has ${dataSize} bytes of data, its tensors take ${end}`);
  }
}

/** A tensor that is to be written. */
interface Described {
  readonly dtype: DType;
  readonly shape: Shape;
}

/**
 * Length and header of a file of these tensors in this order. Spaces fill it up to a multiple of 8 bytes, so that the elements are
 * aligned for readers that map the file.
 */
export function formatHeader(
  tensors: readonly (readonly [string, Described])[],
  metadata: Readonly<Record<string, string>> | undefined,
): Uint8Array {
  // Put together by hand: as keys of an object, names like "1" would come first.
  const fields = metadata === undefined ? [] : [`"${METADATA}":${JSON.stringify(metadata)}`];
  let end = 0;
  for (const [name, { dtype, shape }] of tensors) {
    const begin = end;
    end += sizeOf(shape) * dtypeInfo[dtype].size;
    fields.push(
      `${JSON.stringify(name)}:{"dtype":"${NAMES[dtype]}","shape":${formatShape(shape)},"data_offsets":[${begin},${end}]}`,
    );
  }
  const json = Buffer.from(`{${fields.join(",")}}`);
  const length = Math.ceil(json.length / 8) * 8;
  const bytes = Buffer.alloc(LENGTH_BYTES + length, " ");
  bytes.writeBigUInt64LE(BigInt(length));
  json.copy(bytes, LENGTH_BYTES);
  return bytes;
}

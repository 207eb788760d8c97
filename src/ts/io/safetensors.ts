import { currentStream } from "../device.js";
import type { FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { closest } from "fastest-levenshtein";
import { checkOptions, wrong } from "../checks.js";
import { ArgumentError, FormatError, describe } from "../errors.js";
import type { Stream } from "../stream.js";
import { Tensor } from "../tensor.js";
import { whileHeld } from "./held.js";
import { checkPath, openFile, readFully, replaceFile, writeFully } from "./file.js";
import { isObject, show } from "./json.js";
import { ELEMENTS, NAMES } from "./safetensors-elements.js";
import {
  LENGTH_BYTES,
  MAX_HEADER,
  METADATA,
  formatHeader,
  headerLength,
  parseHeader,
  type Entry,
} from "./safetensors-header.js";
import { readIndex, resolveShard } from "./safetensors-index.js";
import { readTensor, Scratch, type FileElements } from "./read-tensor.js";

export interface LoadSafetensorsOptions {
  /** Which tensors to read: their names, or what says of a name whether it is wanted. All by default. */
  names?: readonly string[] | ((name: string) => boolean);
}

export interface SaveSafetensorsOptions {
  /** Texts to keep beside the tensors, such as `{ format: "pt" }`. */
  metadata?: Readonly<Record<string, string>>;
}

/** The contents of a safetensors file. */
export interface Safetensors {
  /** By name, in the order of the file. */
  tensors: Map<string, Tensor>;
  /** The texts of `__metadata__`. Those of shards are put together; where they differ, the last is taken. */
  metadata: Record<string, string>;
}

type Wanted = (name: string) => boolean;

/** What was read so far, and the stream of the device for what follows: the current one when the call was made. */
interface Loading extends Safetensors {
  readonly stream: Stream;
}

/**
 * The tensors of a `.safetensors` file, or of the shards that a `.safetensors.index.json` names, which have to be in its folder.
 * They are read one by one, onto the device that is current at the call ({@link withDevice}); with `names`, only those.
 *
 * F64, F32, F16, BF16, I32, U8 and BOOL become float64, float32, float16, bfloat16, int32, uint8 and bool of the same bits, where
 * any byte but 0 is true. I8, I16 and U16 become int32; so do I64, U32 and U64 where all values fit. Shapes are as in the file.
 *
 * The format: https://github.com/huggingface/safetensors#format.
 *
 * @throws ArgumentError for a file that is not there, or names that are not in it.
 * @throws FormatError for a file that is not what it should be, or has what no tensor holds; it names the place.
 * @throws OutOfMemoryError when a tensor passes the memory limit.
 */
export async function loadSafetensors(path: string, options: LoadSafetensorsOptions = {}): Promise<Safetensors> {
  checkPath("loadSafetensors", path);
  checkOptions("loadSafetensors", options, ["names"]);
  const { names } = options;
  if (names !== undefined && typeof names !== "function") {
    if (!Array.isArray(names) || !names.every((name) => typeof name === "string"))
      throw wrong("loadSafetensors", "names", names, "an array of strings, or a function");
  }
  const listed = Array.isArray(names) ? new Set<string>(names) : null;
  const wanted: Wanted = listed ? (name) => listed.has(name) : ((names as Wanted | undefined) ?? (() => true));
  const loaded: Loading = {
    tensors: new Map(),
    metadata: Object.create(null) as Record<string, string>,
    stream: currentStream(),
  };
  try {
    const all = path.endsWith(".index.json")
      ? await loadShards(path, wanted, loaded)
      : await loadFile(path, path, wanted, loaded);
    for (const name of listed ?? []) if (!loaded.tensors.has(name)) throw unknownTensor(name, all, path);
  } catch (error) {
    for (const tensor of loaded.tensors.values()) tensor.dispose();
    throw error;
  }
  return { tensors: loaded.tensors, metadata: loaded.metadata };
}

function unknownTensor(name: string, all: readonly string[], file: string): ArgumentError {
  const hint = all.length === 0 ? "which has none" : `the nearest of its ${all.length} is ${show(closest(name, all))}`;
  return new ArgumentError(`loadSafetensors: no such tensor: ${show(name)} in ${file}, ${hint}`);
}

/** Adds the wanted tensors of a file; gives the names of all. `shown` is its name in messages. */
async function loadFile(path: string, shown: string, wanted: Wanted, loaded: Loading): Promise<string[]> {
  const { handle, size } = await openFile("loadSafetensors", path);
  try {
    const first = await readFully("loadSafetensors", handle, new Uint8Array(Math.min(size, LENGTH_BYTES)), 0, shown);
    const length = headerLength(first, size, shown);
    const start = LENGTH_BYTES + length;
    const bytes = await readFully("loadSafetensors", handle, new Uint8Array(length), LENGTH_BYTES, shown);
    const { entries, metadata } = parseHeader(bytes, size - start, shown);
    Object.assign(loaded.metadata, metadata);
    const scratch = new Scratch();
    for (const entry of entries) {
      if (!wanted(entry.name)) continue;
      const elements = elementsOf(handle, entry, start, shown);
      const place = placeOf(entry, shown);
      loaded.tensors.set(entry.name, await readTensor("loadSafetensors", place, elements, scratch, loaded.stream));
    }
    return entries.map(({ name }) => name);
  } finally {
    await handle.close();
  }
}

async function loadShards(index: string, wanted: Wanted, loaded: Loading): Promise<string[]> {
  const shards = await readIndex(index);
  for (const [shard, names] of shards) {
    const chosen = new Set(names.filter((name) => wanted(name)));
    const [some] = chosen;
    if (some === undefined) continue;
    const shown = join(dirname(index), shard);
    await loadFile(await resolveShard(index, shard, some), shown, (name) => chosen.has(name), loaded);
    for (const name of chosen) {
      if (loaded.tensors.has(name)) continue;
      throw new FormatError(`loadSafetensors: missing tensor: ${show(name)} in ${shown}, expected it as ${index} says`);
    }
  }
  return [...shards.values()].flat();
}

function placeOf({ name }: Entry, file: string): string {
  return `tensor ${show(name)} in ${file}`;
}

function elementsOf(handle: FileHandle, entry: Entry, start: number, file: string): FileElements {
  const { dtype, size, convert } = ELEMENTS.get(entry.dtype)!;
  return {
    shape: entry.shape,
    dtype,
    size,
    read: (target, position) => readFully("loadSafetensors", handle, target, start + entry.begin + position, file),
    convert:
      convert &&
      ((bytes, target, at) => {
        const misfit = convert(bytes, target, at);
        if (misfit === null) return;
        throw new FormatError(
          `loadSafetensors: ${dtype} cannot hold a value: ${misfit.value} at place ${misfit.place} of ${placeOf(entry, file)}, expected -2147483648 to 2147483647`,
        );
      }),
  };
}

/**
 * Writes tensors of any shape and dtype to a `.safetensors` file, with the bits that they have: float64 as F64, float32 as F32,
 * float16 as F16, bfloat16 as BF16, int32 as I32, uint8 as U8, bool as BOOL. They must not be changed in place before this resolves.
 *
 * The bytes go to another file of the folder first, which then takes the name `path`. So there is the old file or the whole new one,
 * whenever the program ends.
 *
 * The format: https://github.com/huggingface/safetensors#format.
 *
 * @throws ArgumentError for what is no tensor, a disposed one, the name `__metadata__`, metadata that are no strings, or a folder
 * that is not there.
 */
export async function saveSafetensors(
  path: string,
  tensors: Readonly<Record<string, Tensor>> | ReadonlyMap<string, Tensor>,
  options: SaveSafetensorsOptions = {},
): Promise<void> {
  checkPath("saveSafetensors", path);
  checkOptions("saveSafetensors", options, ["metadata"]);
  checkMetadata(options.metadata);
  const entries = checkTensors(tensors);
  // Large elements first: so all are aligned.
  const order = Object.keys(NAMES);
  const place = ({ dtype }: Tensor): number => order.indexOf(dtype);
  entries.sort(([a, x], [b, y]) => place(x) - place(y) || (a < b ? -1 : Number(a > b)));
  const header = formatHeader(entries, options.metadata);
  if (header.length - LENGTH_BYTES > MAX_HEADER) {
    throw new ArgumentError(
      `saveSafetensors: header too long: names, shapes and metadata take ${header.length} bytes, expected at most ${MAX_HEADER}`,
    );
  }
  const write = async (handle: FileHandle): Promise<void> => {
    await writeFully(handle, header);
    for (const [, tensor] of entries)
      await writeFully(handle, new Uint8Array(await tensor.storage.stream.readBytes(tensor)));
  };
  await whileHeld(
    entries.map(([, tensor]) => tensor),
    () => replaceFile("saveSafetensors", path, write),
  );
}

function checkMetadata(metadata: unknown): void {
  if (metadata === undefined) return;
  if (!isObject(metadata) || metadata instanceof Map)
    throw wrong("saveSafetensors", "metadata", metadata, "an object of strings");
  for (const [key, text] of Object.entries(metadata)) {
    if (typeof text !== "string") throw wrong("saveSafetensors", `metadata.${key}`, text, "a string");
  }
}

function checkTensors(tensors: unknown): [string, Tensor][] {
  if (!isObject(tensors) || tensors instanceof Tensor) {
    throw wrong("saveSafetensors", "tensors", tensors, "an object or a Map of tensors by name");
  }
  const entries: [unknown, unknown][] = tensors instanceof Map ? [...tensors] : Object.entries(tensors);
  for (const [name, tensor] of entries) {
    if (typeof name !== "string" || name === METADATA) {
      throw new ArgumentError(
        `saveSafetensors: not a tensor's name: ${describe(name)}, expected a string other than ${METADATA}`,
      );
    }
    if (!(tensor instanceof Tensor)) {
      throw new ArgumentError(
        `saveSafetensors: not a tensor: ${describe(tensor)} for ${show(name)}, expected a Tensor`,
      );
    }
    tensor.check("saveSafetensors");
  }
  return entries as [string, Tensor][];
}

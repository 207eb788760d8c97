import { realpath } from "node:fs/promises";
import { dirname, isAbsolute, join, posix, relative, sep, win32 } from "node:path";
import { FormatError } from "../errors.js";
import { notFound, readWhole } from "./file.js";
import { isObject, parseJson, show } from "./json.js";
import { MAX_HEADER } from "./safetensors-header.js";

const OP = "loadSafetensors";

/**
 * The shards that an index file names, and which tensors it says are in each. Reads nothing but the index.
 *
 * @throws ArgumentError when there is no such file. @throws FormatError naming the file and the entry.
 */
export async function readIndex(file: string): Promise<Map<string, string[]>> {
  const index = parseJson(OP, await readWhole(OP, file, "index", MAX_HEADER), file);
  const names = isObject(index) ? index["weight_map"] : undefined;
  if (!isObject(names)) {
    throw new FormatError(`${OP}: not an index: ${file}, expected { "weight_map": { tensor: file } }`);
  }
  const shards = new Map<string, string[]>();
  for (const [name, shard] of Object.entries(names)) {
    if (typeof shard !== "string" || shard === "" || shard.includes("\0")) {
      throw new FormatError(`${OP}: not a file's name: ${show(shard)} for ${show(name)} in ${file}, expected a string`);
    }
    if (posix.isAbsolute(shard) || win32.isAbsolute(shard) || shard.split(/[\\/]/).includes("..") || /^\w:/.test(shard))
      throw outside(file, name, shard);
    const listed = shards.get(shard);
    if (listed) listed.push(name);
    else shards.set(shard, [name]);
  }
  return shards;
}

/**
 * The real path of a shard, which links must not lead out of the index's folder.
 *
 * @param name a tensor that the index says is in it, for messages.
 * @throws ArgumentError when there is no such file. @throws FormatError when it is elsewhere.
 */
export async function resolveShard(index: string, shard: string, name: string): Promise<string> {
  const folder = await realpath(dirname(index));
  const file = join(dirname(index), shard);
  const real = await realpath(file).catch((error: unknown) => {
    throw notFound(OP, file, error);
  });
  const inside = relative(folder, real);
  if (inside === ".." || inside.startsWith(`..${sep}`) || isAbsolute(inside)) throw outside(index, name, shard);
  return real;
}

function outside(index: string, name: string, shard: string): FormatError {
  return new FormatError(
    `${OP}: file outside the folder: ${show(shard)} for ${show(name)} in ${index}, expected one in the index's folder`,
  );
}

import { FormatError } from "../errors.js";
import { checkInside, resolveInside } from "./inside.js";
import { readWhole } from "./file.js";
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
  for (const [name, path] of Object.entries(names)) {
    const shard = checkInside(OP, path, placeOf(file, name));
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
export function resolveShard(index: string, shard: string, name: string): Promise<string> {
  return resolveInside(OP, index, shard, placeOf(index, name));
}

function placeOf(index: string, name: string): string {
  return `for ${show(name)} in ${index}`;
}

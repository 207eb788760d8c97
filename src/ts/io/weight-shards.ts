import type { Stream } from "../stream.js";
import type { FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FormatError } from "../errors.js";
import { dtypeInfo } from "../dtype.js";
import { cast } from "../ops/cast.js";
import { sizeOf } from "../shape.js";
import { withRecording } from "../tape.js";
import type { Tensor } from "../tensor.js";
import { openFile, readFully, writeFully, type NewFile } from "./file.js";
import { resolveInside } from "./inside.js";
import { show } from "./json.js";
import { readTensor, Scratch } from "./read-tensor.js";
import type { WeightGroup } from "./weights-manifest.js";

/** What one file of weights takes at most, as other writers of the format have it. */
const SHARD_BYTES = 2 ** 22;

/** A file of a group, and where it lies in the group. */
interface Shard {
  readonly file: string;
  /** Its name in messages. */
  readonly shown: string;
  readonly begin: number;
  readonly end: number;
}

/**
 * The tensors of a manifest's groups, by name, without those of an optimizer. The files have to be in the folder of `file`; their
 * sizes are compared with what the weights take before anything is read.
 *
 * @param stream that of the tensors' device.
 * @throws ArgumentError for a file that is not there. @throws FormatError for one of another size, or outside the folder.
 * @throws OutOfMemoryError
 */
export async function readWeights(
  op: string,
  groups: readonly WeightGroup[],
  file: string,
  stream: Stream,
): Promise<Map<string, Tensor>> {
  const shards: Shard[][] = [];
  for (const group of groups) shards.push(await findShards(op, group, file));
  const tensors = new Map<string, Tensor>();
  const scratch = new Scratch();
  try {
    for (const [i, { weights }] of groups.entries()) {
      const reader = new ShardReader(op, shards[i]!);
      try {
        for (const { name, begin, finalDType, ofOptimizer, ...elements } of weights) {
          if (ofOptimizer) continue;
          const read = (target: Uint8Array, position: number): Promise<void> => reader.read(target, begin + position);
          const tensor = await readTensor(
            op,
            `weight ${show(name)} in ${file}`,
            { ...elements, read },
            scratch,
            stream,
          );
          tensors.set(name, tensor.dtype === finalDType ? tensor : replaced(tensor, finalDType));
        }
      } finally {
        await reader.close();
      }
    }
  } catch (error) {
    for (const tensor of tensors.values()) tensor.dispose();
    throw error;
  }
  return tensors;
}

function replaced(tensor: Tensor, dtype: Tensor["dtype"]): Tensor {
  try {
    return withRecording(false, () => cast(tensor, dtype));
  } finally {
    tensor.dispose();
  }
}

async function findShards(op: string, { paths, weights, bytes, place }: WeightGroup, file: string): Promise<Shard[]> {
  const shards: Shard[] = [];
  let end = 0;
  for (const path of paths) {
    const begin = end;
    const real = await resolveInside(op, file, path, `in ${place}`);
    const { handle, size } = await openFile(op, real);
    await handle.close();
    end += size;
    shards.push({ file: real, shown: join(dirname(file), path), begin, end });
  }
  if (end < bytes) {
    const cut = weights.find((weight) => weight.end > end)!;
    throw new FormatError(
      `${op}: truncated file: the files of ${place} have ${end} bytes, weight ${show(cut.name)} ends at byte ${cut.end}`,
    );
  }
  if (end > bytes) {
    throw new FormatError(`${op}: bytes left over: the files of ${place} have ${end} bytes, its weights take ${bytes}`);
  }
  return shards;
}

/** Reads the files of a group as if they were one. Has one open at a time. */
class ShardReader {
  private opened: { readonly shard: Shard; readonly handle: FileHandle } | null = null;

  constructor(
    private readonly op: string,
    private readonly shards: readonly Shard[],
  ) {}

  async read(target: Uint8Array, position: number): Promise<void> {
    for (let at = 0; at < target.length;) {
      const { shard, handle } = await this.openAt(position + at);
      const part = target.subarray(at, at + shard.end - (position + at));
      await readFully(this.op, handle, part, position + at - shard.begin, shard.shown);
      at += part.length;
    }
  }

  async close(): Promise<void> {
    await this.opened?.handle.close();
    this.opened = null;
  }

  private async openAt(position: number): Promise<{ shard: Shard; handle: FileHandle }> {
    if (this.opened && this.opened.shard.begin <= position && position < this.opened.shard.end) return this.opened;
    await this.close();
    const shard = this.shards.find(({ begin, end }) => begin <= position && position < end)!;
    const { handle } = await openFile(this.op, shard.file);
    this.opened = { shard, handle };
    return this.opened;
  }
}

/**
 * The manifest of these weights, and the files in `folder` that it names: to be written in this order, as each goes on where the
 * one before ended.
 */
export function weightFiles(
  weights: ReadonlyMap<string, Tensor>,
  folder: string,
): { manifest: object[]; files: NewFile[] } {
  const bytes = [...weights.values()].reduce((sum, { shape, dtype }) => sum + sizeOf(shape) * dtypeInfo[dtype].size, 0);
  const count = Math.ceil(bytes / SHARD_BYTES);
  const paths = Array.from({ length: count }, (_, i) => `group1-shard${i + 1}of${count}.bin`);
  const specs = [...weights].map(([name, { shape, dtype }]) => ({ name, shape, dtype }));
  const source = new BytesOf(weights.values());
  const write = async (handle: FileHandle): Promise<void> => {
    for (let left = SHARD_BYTES; left > 0;) {
      const part = await source.take(left);
      if (part === null) return;
      await writeFully(handle, part);
      left -= part.length;
    }
  };
  const files = paths.map((path) => ({ path: join(folder, path), write }));
  return { manifest: [{ paths, weights: specs }], files };
}

/** The bytes of tensors one behind the other, of which one at a time is read. */
class BytesOf {
  private readonly tensors: Iterator<Tensor>;
  private bytes = new Uint8Array();

  constructor(tensors: Iterable<Tensor>) {
    this.tensors = tensors[Symbol.iterator]();
  }

  /** The next bytes, at most so many; null after the last. */
  async take(most: number): Promise<Uint8Array | null> {
    while (this.bytes.length === 0) {
      const { value, done } = this.tensors.next();
      if (done) return null;
      this.bytes = await value.bytes();
    }
    const taken = this.bytes.subarray(0, most);
    this.bytes = this.bytes.subarray(taken.length);
    return taken;
  }
}

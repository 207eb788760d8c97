import { dtypeInfo, type DType } from "../dtype.js";
import { FormatError, OutOfMemoryError, ShapeError } from "../errors.js";
import { MAX_ELEMENTS, MAX_RANK, checkLimits, sizeOf, type Shape } from "../shape.js";
import type { Stream } from "../stream.js";
import { Tensor } from "../tensor.js";
import { CHUNK_BYTES } from "./file.js";
import { show } from "./json.js";

/** Elements that lie in a file. */
export interface FileElements {
  readonly shape: Shape;
  /** The dtype of the tensor. */
  readonly dtype: DType;
  /** Bytes an element, in the file. */
  readonly size: number;
  /** Fills `target` with the bytes that begin at `position` of the elements. */
  readonly read: (target: Uint8Array, position: number) => Promise<unknown>;
  /** Writes whole elements as the tensor has them, from place `at` on; null where the file has them so. */
  readonly convert: ((bytes: ArrayBuffer, target: ArrayBuffer, at: number) => void) | null;
}

/**
 * Where JavaScript has the bytes of a tensor until the engine has copied them. One tensor after another uses the same
 * memory: so JavaScript never has more than the largest, and the system has to find its pages once.
 */
export class Scratch {
  private buffer = new ArrayBuffer(0);

  /** @throws OutOfMemoryError when JavaScript cannot hold so many bytes in one array. */
  take(op: string, bytes: number, place: string): Uint8Array<ArrayBuffer> {
    if (this.buffer.byteLength < bytes) {
      this.buffer = new ArrayBuffer(0); // What was there can go first.
      this.buffer = allocate(op, bytes, place);
    }
    return new Uint8Array(this.buffer, 0, bytes);
  }
}

/**
 * A tensor from a file whose size has been found to hold it.
 *
 * @param scratch used by no other call before this one resolves.
 * @param place what is read, for messages: `tensor "kernel" in model.safetensors`.
 * @param stream that of the tensor's device.
 * @throws FormatError for more elements or dimensions than a tensor has. @throws OutOfMemoryError
 */
export async function readTensor(
  op: string,
  place: string,
  elements: FileElements,
  scratch: Scratch,
  stream: Stream,
): Promise<Tensor> {
  const { shape, dtype, size, read, convert } = elements;
  try {
    checkLimits(op, shape);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw new FormatError(
      `${op}: too many elements or dimensions: ${show(shape)} of ${place}, expected at most ${MAX_ELEMENTS} and ${MAX_RANK}`,
    );
  }
  const count = sizeOf(shape);
  stream.checkFits(op, dtype, count);
  const target = scratch.take(op, count * dtypeInfo[dtype].size, place);
  if (convert === null) {
    await read(target, 0);
  } else {
    for (let at = 0; at < count; at += CHUNK_BYTES / size) {
      const bytes = new Uint8Array(Math.min(CHUNK_BYTES, (count - at) * size));
      await read(bytes, at * size);
      convert(bytes.buffer, target.buffer, at);
    }
  }
  const made = Tensor.create(stream, shape, dtype);
  stream.upload(made.storage, dtype, shape, target);
  return made;
}

function allocate(op: string, bytes: number, place: string): ArrayBuffer {
  try {
    return new ArrayBuffer(bytes);
  } catch {
    throw new OutOfMemoryError(
      `${op}: out of memory: JavaScript cannot hold the ${bytes} bytes of ${place} in one array`,
    );
  }
}

/**
 * How many bytes a shape takes that a file states.
 *
 * @param size bytes an element. @param place as in {@link readTensor}.
 * @throws FormatError unless the sizes are integers of 0 or more whose product can be counted.
 */
export function bytesOfShape(op: string, shape: unknown, size: number, place: string): number {
  if (!isSizes(shape)) {
    throw new FormatError(`${op}: the shape is wrong: ${show(shape)} of ${place}, expected integers of 0 or more`);
  }
  // Zeros are left out, so that the product of no part of the sizes is too large either.
  if (!Number.isSafeInteger(size * sizeOf(shape.filter((length) => length > 0)))) {
    throw new FormatError(`${op}: too many elements: ${show(shape)} of ${place}, expected at most 2^53 bytes`);
  }
  return size * sizeOf(shape);
}

export function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && (size as number) >= 0);
}

import { ArgumentError, ShapeError, describe } from "../errors.js";
import { dtypeInfo, isHalf, type DType, type TypedArray } from "../dtype.js";
import { checkShape, formatShape, sizeOf, type Shape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import {
  checkCreation,
  checkDifferentiable,
  streamFor,
  upload,
  withGradient,
  type CreationOptions,
} from "./creation.js";
import { checkInteger } from "./arguments.js";

export interface FromBufferOptions<D extends DType = DType> extends CreationOptions<D> {
  /** By default one dimension of all elements. */
  shape?: Shape;
  /** Where the elements begin, counted from the beginning of what is given; 0 by default. */
  byteOffset?: number;
}

/**
 * A tensor of the raw bytes of a buffer, up to its end: little-endian elements in row-major order, at any alignment.
 * float32 unless a dtype is given; a bool is one byte, true unless 0. The bytes are copied before this returns.
 *
 * @throws ShapeError when the number of bytes is no multiple of an element's size, or does not fit `shape`.
 * @throws ArgumentError for what is no ArrayBuffer, typed array, DataView or Buffer, or a byteOffset outside it.
 * @throws DTypeError when `requiresGrad` is asked of an integer tensor.
 */
export function fromBuffer<D extends DType = "float32">(
  buffer: ArrayBuffer | ArrayBufferView,
  options: FromBufferOptions<D> = {},
): Tensor<D> {
  const dtype =
    checkCreation("fromBuffer", options, ["shape", "byteOffset", "dtype", "device", "requiresGrad"]) ?? "float32";
  checkDifferentiable("fromBuffer", dtype, options);
  const bytes = bytesOf(buffer, options.byteOffset ?? 0);
  const { size } = dtypeInfo[dtype];
  if (bytes.length % size !== 0) {
    throw new ShapeError(
      `fromBuffer: not whole elements: ${bytes.length} bytes, expected a multiple of ${size} for ${dtype}`,
    );
  }
  const count = bytes.length / size;
  const shape = checkShape("fromBuffer", options.shape ?? [count]);
  if (sizeOf(shape) !== count) {
    throw new ShapeError(
      `fromBuffer: the bytes do not fit the shape: ${count} elements, ${formatShape(shape)} has ${sizeOf(shape)}`,
    );
  }
  return withGradient(upload(elements(bytes, dtype), shape, dtype, streamFor(options)) as Tensor<D>, options);
}

function bytesOf(buffer: unknown, byteOffset: number): Uint8Array {
  const view = ArrayBuffer.isView(buffer);
  if (!view && !(buffer instanceof ArrayBuffer)) {
    throw new ArgumentError(`fromBuffer: not a buffer: ${describe(buffer)}, expected an ArrayBuffer or a view of one`);
  }
  const all = view ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength) : new Uint8Array(buffer);
  if (checkInteger("fromBuffer", "byteOffset", byteOffset, 0) > all.length) {
    throw new ArgumentError(
      `fromBuffer: byteOffset is out of range: ${byteOffset}, expected at most the ${all.length} bytes that there are`,
    );
  }
  return all.subarray(byteOffset);
}

/** The bytes as elements, copied only where they are not aligned, not ours alone, or no proper booleans. */
function elements(bytes: Uint8Array, dtype: DType): TypedArray | Uint16Array {
  const { size } = dtypeInfo[dtype];
  // Halves travel as their bits.
  const array = isHalf(dtype) ? Uint16Array : dtypeInfo[dtype].array;
  if (dtype === "bool") return bytes.map((byte) => (byte === 0 ? 0 : 1));
  const { buffer, byteOffset } = bytes;
  if (buffer instanceof ArrayBuffer && byteOffset % size === 0)
    return new array(buffer, byteOffset, bytes.length / size);
  return new array(Uint8Array.from(bytes).buffer);
}

import type { FromBufferCase } from "../cases/fromBuffer.js";
import { count } from "./nd.js";

const SIZES = { float32: 4, float64: 8, int32: 4, uint8: 1, bool: 1 } as Readonly<Record<string, number>>;

export function bytesNeeded({ dtype, shape, byteOffset }: FromBufferCase): number {
  return byteOffset + count(shape) * SIZES[dtype]!;
}

export function fromBuffer(bytes: Uint8Array, { dtype, shape, byteOffset }: FromBufferCase): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return Array.from({ length: count(shape) }, (_, i) => {
    const at = byteOffset + i * SIZES[dtype]!;
    if (dtype === "float32") return view.getFloat32(at, true);
    if (dtype === "float64") return view.getFloat64(at, true);
    if (dtype === "int32") return view.getInt32(at, true);
    return dtype === "bool" ? Number(view.getUint8(at) !== 0) : view.getUint8(at);
  });
}

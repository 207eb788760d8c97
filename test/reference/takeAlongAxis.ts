import type { TakeAttributes } from "../cases/takeAlongAxis.js";
import { broadcastShape, count, getBroadcast, nd, type Nd } from "./nd.js";

/** Indices of the given shape for an axis of `size` elements: all over it, from both ends. */
export function chooseIndices({ shape }: TakeAttributes, size: number): Int32Array {
  return Int32Array.from({ length: count(shape) }, (_, i) => ((i * 7 + (i >> 2)) % (2 * size)) - size);
}

export function takeAlongAxis([x]: readonly Nd[], attrs: TakeAttributes): Nd {
  const axis = attrs.axis < 0 ? attrs.axis + x!.shape.length : attrs.axis;
  const size = x!.shape[axis]!;
  const indices: Nd = { shape: attrs.shape, data: Float64Array.from(chooseIndices(attrs, size)) };
  const shape = broadcastShape(x!.shape.with(axis, 1), attrs.shape.with(axis, 1)).with(axis, attrs.shape[axis]!);
  return nd(shape, (index) => {
    const at = getBroadcast(indices, index);
    const from = index.with(axis, at < 0 ? at + size : at);
    // Along the axis nothing broadcasts, whatever its size.
    return getBroadcast(x!, from);
  });
}

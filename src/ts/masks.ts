import { DTypeError, ShapeError } from "./errors.js";
import { mul } from "./ops/binary.js";
import { cast } from "./ops/cast.js";
import { sum } from "./ops/reduce.js";
import { reshape } from "./ops/reshape.js";
import { where } from "./ops/where.js";
import { formatShape, sameShape, sizeOf } from "./shape.js";
import type { Tensor } from "./tensor.js";

export interface MaskOptions {
  /** Which values count: bool [batch, time]. Null, the default, when all do. */
  mask?: Tensor | null;
}

/**
 * The sum of the values that a mask keeps, and how many they are. A mask [batch, time] decides for all axes behind.
 *
 * @throws DTypeError, ShapeError
 */
export function maskedSum(op: string, values: Tensor, mask: Tensor): { total: Tensor; count: Tensor } {
  if (mask.dtype !== "bool") {
    throw new DTypeError(`${op}: the mask is not bool: its dtype is ${mask.dtype}, expected bool`);
  }
  const behind = values.shape.slice(mask.rank);
  if (!sameShape([...mask.shape, ...behind], values.shape)) {
    throw new ShapeError(
      `${op}: the mask does not fit: its shape is ${formatShape(mask.shape)}, the values have ${formatShape(values.shape)} ` +
        "(a layer that changes the time axis ends the mask by a computeMask that returns null)",
    );
  }
  const aligned = reshape(mask, [...mask.shape, ...behind.map(() => 1)]);
  const numbers = values.dtype === "bool" ? cast(values, "int32") : values;
  return { total: sum(where(aligned, numbers, 0)), count: mul(sum(mask), sizeOf(behind)) };
}

import { ArgumentError, describe } from "../errors.js";
import { isHalf, isInteger, type DType } from "../dtype.js";
import { tidy } from "../memory.js";
import { checkShape, normalizeAxis } from "../shape.js";
import { addMethod, Tensor } from "../tensor.js";
import { checkInteger } from "./arguments.js";
import { cast } from "./cast.js";
import { equal } from "./compare.js";
import {
  arange,
  checkCreation,
  checkDifferentiable,
  toInteger,
  withGradient,
  type CreationOptions,
} from "./creation.js";
import { toIndices, type Indices } from "./gather.js";
import { reshape } from "./reshape.js";
import { constantOf } from "./scalar.js";
import { where } from "./where.js";

export interface OneHotOptions<D extends DType = DType> extends CreationOptions<D> {
  /** The value at the index; 1 by default. */
  onValue?: number;
  /** The value everywhere else; 0 by default. */
  offValue?: number;
  /** The place of the new axis in the result; -1, the last, by default. */
  axis?: number;
}

const OPTIONS = ["onValue", "offValue", "axis", "dtype", "device", "requiresGrad"];

/**
 * A new axis of `depth` places, of which the one that each index names has `onValue` and the others `offValue`. An
 * index outside 0 to depth - 1 names none. float32 unless a dtype is given.
 *
 * @throws DTypeError unless the indices are int32 or uint8. @throws ArgumentError for a depth that is negative or no
 * integer, an axis that does not exist, or a value that the dtype cannot hold.
 */
export function oneHot<D extends DType = "float32">(
  indices: Indices,
  depth: number,
  options: OneHotOptions<D> = {},
): Tensor<D> {
  const dtype = checkCreation("oneHot", options, OPTIONS) ?? "float32";
  checkDifferentiable("oneHot", dtype, options);
  checkInteger("oneHot", "depth", depth, 0);
  const on = checkValue("onValue", options.onValue ?? 1, dtype);
  const off = checkValue("offValue", options.offValue ?? 0, dtype);
  const made = tidy(() => {
    const at = toIndices("oneHot", indices, options.device);
    const axis = normalizeAxis("oneHot", options.axis ?? -1, at.rank + 1);
    checkShape("oneHot", at.shape.toSpliced(axis, 0, depth));
    const places = reshape(arange(depth, { dtype: "int32", device: at.device }), [
      depth,
      ...at.shape.slice(axis).map(() => 1),
    ]);
    const found = equal(reshape(at, at.shape.toSpliced(axis, 0, 1)), places);
    // Chosen among float32 where the dtype is a half, which `where` would promote.
    const numbers = isHalf(dtype) ? "float32" : dtype;
    return cast(where(found, constantOf(on, at, numbers), constantOf(off, at, numbers)), dtype);
  });
  return withGradient(made as Tensor<D>, options);
}

function checkValue(name: string, given: unknown, dtype: DType): number {
  if (typeof given !== "number") {
    throw new ArgumentError(`oneHot: ${name} is not a number: ${describe(given)}, expected a number`);
  }
  return isInteger(dtype) ? toInteger("oneHot", dtype, given, () => name) : given;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link oneHot}. */
    oneHot<E extends DType = "float32">(depth: number, options?: OneHotOptions<E>): Tensor<E>;
  }
}
addMethod("oneHot", oneHot as (x: Tensor, depth: number, options?: OneHotOptions) => Tensor);

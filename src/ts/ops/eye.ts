import { checkInteger } from "./arguments.js";
import { cast } from "./cast.js";
import { equal } from "./compare.js";
import { arange, checkCreation, checkDifferentiable, withGradient, type CreationOptions } from "./creation.js";
import { reshape } from "./reshape.js";
import type { DType } from "../dtype.js";
import { tidy } from "../memory.js";
import type { Tensor } from "../tensor.js";

/**
 * The identity matrix: ones on the main diagonal of [rows, columns], which is square unless `columns` is given.
 *
 * @throws ArgumentError for a size that is negative or no integer.
 */
export function eye<D extends DType = "float32">(
  rows: number,
  columns: number = rows,
  options: CreationOptions<D> = {},
): Tensor<D, 2> {
  const dtype = checkCreation("eye", options) ?? "float32";
  checkDifferentiable("eye", dtype, options);
  checkInteger("eye", "rows", rows, 0);
  checkInteger("eye", "columns", columns, 0);
  const places = { dtype: "int32", device: options.device } as const;
  const made = tidy(() => {
    const row = reshape(arange(rows, places), [rows, 1]);
    return cast(equal(row, arange(columns, places)), dtype);
  });
  return withGradient(made as Tensor<D, 2>, options);
}

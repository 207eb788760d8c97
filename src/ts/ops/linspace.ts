import { ArgumentError, DTypeError } from "../errors.js";
import { isInteger, type DType } from "../dtype.js";
import { checkBoolean } from "../checks.js";
import { defineOp } from "../op.js";
import { checkShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { checkInteger, checkNumber } from "./arguments.js";
import {
  checkCreation,
  checkDifferentiable,
  streamFor,
  toInteger,
  withGradient,
  type CreationOptions,
} from "./creation.js";

export interface LinspaceOptions<D extends DType = DType> extends CreationOptions<D> {
  /** Whether `stop` is the last number, as by default; otherwise it is the one that would follow. */
  endpoint?: boolean;
}

const linspaceOp = defineOp<{ count: number; dtype: DType; start: number; step: number; last: number }>({
  name: "linspace",
  halves: true,
  infer: (_, { count, dtype }) => [{ shape: [count], dtype }],
  encode: ({ start, step, last }) => [start, step, last],
  backward: null,
});

/**
 * `count` numbers from `start` to `stop` at equal distances. The first is `start` and the last is `stop`, to the bit.
 * float32 unless a dtype is given; in an integer dtype the numbers are rounded down (NumPy).
 *
 * @throws ArgumentError for a count that is negative or no integer, an end that is not finite or that the dtype cannot
 * hold. @throws DTypeError for dtype bool.
 */
export function linspace<D extends DType = "float32">(
  start: number,
  stop: number,
  count: number,
  options: LinspaceOptions<D> = {},
): Tensor<D, 1> {
  const dtype = checkCreation("linspace", options, ["endpoint", "dtype", "device", "requiresGrad"]) ?? "float32";
  const endpoint = checkBoolean("linspace", "endpoint", options.endpoint ?? true);
  checkDifferentiable("linspace", dtype, options);
  if (dtype === "bool") throw new DTypeError("linspace: bool holds no range: expected another dtype");
  for (const [name, value] of [
    ["start", start],
    ["stop", stop],
  ] as const) {
    if (!Number.isFinite(checkNumber("linspace", name, value))) {
      throw new ArgumentError(`linspace: ${name} is not finite: ${value}, expected a finite number`);
    }
    if (isInteger(dtype)) toInteger("linspace", dtype, value, () => name);
  }
  checkShape("linspace", [checkInteger("linspace", "count", count, 0)]);
  const gaps = endpoint ? count - 1 : count;
  const step = gaps > 0 ? (stop - start) / gaps : 0;
  const last = endpoint && count > 1 ? stop : start + (count - 1) * step;
  const made = linspaceOp([], { count, dtype, start, step, last }, streamFor(options))[0]!;
  return withGradient(made, options) as unknown as Tensor<D, 1>;
}

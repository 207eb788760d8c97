import { isFloating, isHalf } from "../dtype.js";
import { ArgumentError, DTypeError, describe } from "../errors.js";
import { unknownName } from "../suggest.js";
import type { Tensor } from "../tensor.js";

/** @throws ArgumentError unless `value` is a number other than NaN. */
export function checkNumber(op: string, name: string, value: unknown): number {
  if (typeof value !== "number" || Number.isNaN(value)) {
    throw new ArgumentError(`${op}: ${name} is not a number: ${describe(value)}, expected a number`);
  }
  return value;
}

/** @throws ArgumentError unless `value` is an integer of at least `least`. */
export function checkInteger(op: string, name: string, value: unknown, least = -Infinity): number {
  if (!Number.isSafeInteger(value) || (value as number) < least) {
    const range = least === -Infinity ? "an integer" : `an integer of at least ${least}`;
    throw new ArgumentError(`${op}: ${name} is out of range: ${describe(value)}, expected ${range}`);
  }
  return value as number;
}

/** One positive integer for both image axes, or one for each: [height, width]. @throws ArgumentError */
export function checkPair(op: string, name: string, value: unknown): [number, number] {
  const pair: unknown[] = Array.isArray(value) ? value : [value, value];
  if (pair.length !== 2 || !pair.every((size) => Number.isSafeInteger(size) && (size as number) >= 1)) {
    throw new ArgumentError(
      `${op}: ${name} is out of range: ${describe(value)}, expected a positive integer or two: [height, width]`,
    );
  }
  return pair as [number, number];
}

/** @throws ArgumentError unless `value` is one of `choices`. */
export function checkChoice<T extends string>(op: string, name: string, value: unknown, choices: readonly T[]): T {
  if (choices.includes(value as T)) return value as T;
  throw unknownName(op, name, value, choices);
}

/** `name` is as in "x is not …". @throws DTypeError unless the tensor is float32 or float64. */
export function checkFloating(op: string, name: string, tensor: Tensor): void {
  const { dtype } = tensor;
  if (isHalf(dtype)) {
    throw new DTypeError(`${op}: no arithmetic in ${dtype}: it is the dtype of ${name}, cast to float32 first`);
  }
  if (!isFloating(dtype)) {
    throw new DTypeError(`${op}: ${name} is not floating-point: its dtype is ${dtype}, expected float32 or float64`);
  }
}

import { ArgumentError, DTypeError } from "../errors.js";
import { isFloating } from "../dtype.js";
import type { TensorSpec } from "../op.js";
import { sameShape, type Shape } from "../shape.js";
import type { Operand } from "../stream.js";
import type { Tensor } from "../tensor.js";

/** How a value that the user gave reads in a message. */
export function describe(value: unknown): string {
  if (typeof value === "string") return `"${value}"`;
  if (Array.isArray(value)) return `[${value.map(describe).join(",")}]`;
  if (typeof value === "object" && value !== null) return value.constructor?.name ?? "object";
  if (typeof value === "bigint") return `${value}n`;
  return String(value);
}

/** @throws ArgumentError unless `options` is an object that has no other keys than `names`. */
export function checkOptions(op: string, options: unknown, names: readonly string[]): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new ArgumentError(`${op}: the options are not an object: ${describe(options)}, expected { ${names.join(", ")} }`);
  }
  for (const key of Object.keys(options)) {
    if (!names.includes(key)) {
      throw new ArgumentError(`${op}: unknown option: "${key}", expected one of ${names.join(", ")}`);
    }
  }
}

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
  if (!choices.includes(value as T)) {
    throw new ArgumentError(`${op}: unknown ${name}: ${describe(value)}, expected one of ${choices.join(", ")}`);
  }
  return value as T;
}

/** `name` is as in "x is not …". @throws DTypeError unless the tensor is float32 or float64. */
export function checkFloating(op: string, name: string, tensor: Tensor): void {
  if (!isFloating(tensor.dtype)) {
    throw new DTypeError(`${op}: ${name} is not floating-point: its dtype is ${tensor.dtype}, expected float32 or float64`);
  }
}

/** @internal The operands of elementwise kernels all have the output's shape. */
export function broadcastOperands(inputs: readonly Tensor[], [output]: readonly TensorSpec[]): readonly Operand[] {
  const { shape } = output!;
  for (let i = 0; i < inputs.length; i++) {
    if (!sameShape(inputs[i]!.shape, shape)) return inputs.map((input) => broadcastOperand(input, shape));
  }
  return inputs;
}

/** The tensor repeated to `shape` without a copy: stride 0 along the axes that are broadcast. */
export function broadcastOperand(tensor: Tensor, shape: Shape): Operand {
  return {
    storage: tensor.storage,
    shape,
    dtype: tensor.dtype,
    strides: broadcastStrides(tensor, shape),
    offset: tensor.offset,
  };
}

/** `shape` must be one that the tensor's shape broadcasts to. */
export function broadcastStrides(tensor: Tensor, shape: Shape): number[] {
  const own = tensor.shape;
  const missing = shape.length - own.length;
  const strides = new Array<number>(shape.length).fill(0);
  const given = tensor.strides;
  let contiguous = 1;
  for (let i = own.length - 1; i >= 0; i--) {
    if (own[i] !== 1) strides[missing + i] = given === null ? contiguous : given[i]!;
    contiguous *= own[i]!;
  }
  return strides;
}

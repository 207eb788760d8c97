import { ArgumentError, describe } from "./errors.js";
import { unknownName } from "./suggest.js";

/** The error for an option or argument: `op: name is wrong: what was given, expected …`. */
export function wrong(op: string, name: string, given: unknown, expected: string): ArgumentError {
  const shown = typeof given === "function" ? `function ${given.name}` : describe(given);
  return new ArgumentError(`${op}: ${name} is wrong: ${shown}, expected ${expected}`);
}

/** @throws ArgumentError unless `options` is an object that has no other keys than `names`; it suggests the nearest. */
export function checkOptions(op: string, options: unknown, names: readonly string[]): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new ArgumentError(
      `${op}: the options are not an object: ${describe(options)}, expected { ${names.join(", ")} }`,
    );
  }
  for (const key of Object.keys(options)) if (!names.includes(key)) throw unknownName(op, "option", key, names);
}

/** @throws ArgumentError unless `value` is an integer of 1 or more. */
export function checkPositive(op: string, name: string, value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 1) return value as number;
  throw wrong(op, name, value, "a positive integer");
}

/** @throws ArgumentError unless `value` is a number with least <= value < below (NaN never is). */
export function checkRange(op: string, name: string, value: unknown, least: number, below = Infinity): number {
  if (typeof value === "number" && value >= least && value < below) return value;
  const range = below === Infinity ? `of ${least} or more that is finite` : `from ${least} to below ${below}`;
  throw wrong(op, name, value, `a number ${range}`);
}

/** @throws ArgumentError unless `value` is a boolean. */
export function checkBoolean(op: string, name: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw wrong(op, name, value, "true or false");
}

/** @throws ArgumentError unless `value` is a finite number. */
export function checkFinite(op: string, name: string, value: unknown): number {
  if (Number.isFinite(value)) return value as number;
  throw wrong(op, name, value, "a finite number");
}

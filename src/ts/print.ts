import { inspect, type InspectOptionsStylized } from "node:util";
import { formatShape } from "./shape.js";
import { Tensor, type NestedArray } from "./tensor.js";

/** More elements than this are left out of what `console.log` shows. */
const MOST_SHOWN = 1000;
const DIGITS = 6;

/**
 * What `console.log(tensor)` shows: dtype, shape and device, then the values. Waits for them; a tensor of more than
 * 1000 elements shows no values.
 */
function print(this: Tensor, depth: number, options: InspectOptionsStylized): string {
  const head = `Tensor ${this.dtype} ${formatShape(this.shape)} ${this.device}`;
  if (this.disposed) return `${head} (disposed)`;
  if (this.size > MOST_SHOWN || depth < 0) return `${head} (${this.size} elements)`;
  const values = inspect(round(this.toArraySync()), { ...options, depth: Infinity, maxArrayLength: null });
  return values.includes("\n") ? `${head}\n${values}` : `${head} ${values}`;
}

/** A float32 shows the digits that it has, not those of the double that holds it. */
function round(values: NestedArray): NestedArray {
  if (typeof values === "number") return Number.isInteger(values) ? values : Number(values.toPrecision(DIGITS));
  return Array.isArray(values) ? values.map(round) : values;
}

Object.defineProperty(Tensor.prototype, inspect.custom, { value: print, writable: true, configurable: true });

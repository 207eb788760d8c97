import type { DType } from "nabla";
import { round } from "./half.js";
import { elementwise, type Nd } from "./nd.js";

/** A number as the nearest that a dtype can hold, as `cast` makes it. */
export function convert(x: number, to: DType): number {
  const saturate = (low: number, high: number): number =>
    Number.isNaN(x) ? 0 : Math.min(high, Math.max(low, Math.trunc(x)));
  switch (to) {
    case "float32":
      return Math.fround(x);
    case "float64":
      return x;
    case "int32":
      return saturate(-(2 ** 31), 2 ** 31 - 1);
    case "uint8":
      return saturate(0, 255);
    case "bool":
      return Number(x !== 0);
    case "bfloat16":
    case "float16":
      return round(x, to);
  }
}

export function cast(inputs: readonly Nd[], to: DType): Nd {
  return elementwise((x) => convert(x, to))(inputs);
}

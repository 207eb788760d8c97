import type { ReduceOptions } from "nabla";
import type { Nd } from "./nd.js";
import { fold } from "./reduce.js";

export function logSumExp([x]: readonly Nd[], options: ReduceOptions): Nd {
  return fold(x!, options, (row) => {
    const largest = row.reduce((a, b) => Math.max(a, b), -Infinity);
    const shift = Number.isFinite(largest) ? largest : 0;
    return shift + Math.log(row.reduce((sum, value) => sum + Math.exp(value - shift), 0));
  });
}

import type { VarianceOptions } from "nabla";
import type { Nd } from "./nd.js";
import { fold } from "./reduce.js";

export function variance([x]: readonly Nd[], { ddof = 0, ...options }: VarianceOptions): Nd {
  return fold(x!, options, (row) => {
    const mean = row.reduce((sum, value) => sum + value, 0) / row.length;
    const squares = row.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    return squares / Math.max(0, row.length - ddof);
  });
}

export function std(inputs: readonly Nd[], options: VarianceOptions): Nd {
  const { shape, data } = variance(inputs, options);
  return { shape, data: data.map(Math.sqrt) };
}

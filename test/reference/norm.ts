import type { NormOptions } from "nabla";
import type { Nd } from "./nd.js";
import { fold } from "./reduce.js";

export function norm([x]: readonly Nd[], { ord = 2, ...options }: NormOptions): Nd {
  return fold(x!, options, (row) => {
    const sizes = row.map(Math.abs);
    if (ord === Infinity) return sizes.reduce((a, b) => Math.max(a, b), 0);
    return sizes.reduce((sum, size) => sum + size ** ord, 0) ** (1 / ord);
  });
}

import type { TriangleAttributes } from "../cases/tril.js";
import { get, nd, type Nd } from "./nd.js";

export function tril([x]: readonly Nd[], { op, k }: TriangleAttributes): Nd {
  return nd(x!.shape, (index) => {
    const above = index.at(-1)! - index.at(-2)!;
    return (op === "tril" ? above <= k : above >= k) ? get(x!, index) : 0;
  });
}

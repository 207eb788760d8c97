import type { SplitAttributes } from "../cases/split.js";
import { get, nd, type Nd } from "./nd.js";

export function split([x]: readonly Nd[], { parts, axis, part }: SplitAttributes): Nd {
  const at = axis < 0 ? axis + x!.shape.length : axis;
  const size = x!.shape[at]!;
  const sizes = typeof parts === "number" ? new Array<number>(parts).fill(size / parts) : parts;
  const start = sizes.slice(0, part).reduce((sum, own) => sum + own, 0);
  return nd(x!.shape.with(at, sizes[part]!), (index) => get(x!, index.with(at, index[at]! + start)));
}

import type { OneHotCase } from "../cases/oneHot.js";
import { nd, place, type Nd } from "./nd.js";

export function oneHot({ indices, shape, depth, axis }: OneHotCase, on: number, off: number): Nd {
  const at = axis < 0 ? axis + shape.length + 1 : axis;
  return nd(shape.toSpliced(at, 0, depth), (index) =>
    indices[place(shape, index.toSpliced(at, 1))] === index[at] ? on : off,
  );
}

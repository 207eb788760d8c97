import { sub } from "../ops/binary.js";
import type { Tensor } from "../tensor.js";
import { ElementwiseMerge } from "./merge.js";

/** The first of two tensors less the second. */
export class Subtract extends ElementwiseMerge {
  protected override readonly takesTwo = true;

  protected override merge([a, b]: readonly Tensor[]): Tensor {
    return sub(a!, b!);
  }
}

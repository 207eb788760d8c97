import { mul } from "../ops/binary.js";
import type { Tensor } from "../tensor.js";
import { ElementwiseMerge } from "./merge.js";

/** The product of a list of tensors. */
export class Multiply extends ElementwiseMerge {
  protected override merge(inputs: readonly Tensor[]): Tensor {
    return inputs.reduce((product, input) => mul(product, input));
  }
}

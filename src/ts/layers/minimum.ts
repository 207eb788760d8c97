import { minimum } from "../ops/binary.js";
import type { Tensor } from "../tensor.js";
import { ElementwiseMerge } from "./merge.js";

/** The smallest of the elements in each place of a list of tensors. */
export class Minimum extends ElementwiseMerge {
  protected override merge(inputs: readonly Tensor[]): Tensor {
    return inputs.reduce((smallest, input) => minimum(smallest, input));
  }
}

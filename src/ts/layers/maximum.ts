import { maximum } from "../ops/binary.js";
import type { Tensor } from "../tensor.js";
import { ElementwiseMerge } from "./merge.js";

/** The largest of the elements in each place of a list of tensors. */
export class Maximum extends ElementwiseMerge {
  protected override merge(inputs: readonly Tensor[]): Tensor {
    return inputs.reduce((largest, input) => maximum(largest, input));
  }
}

import { add } from "../ops/binary.js";
import type { Tensor } from "../tensor.js";
import { ElementwiseMerge } from "./merge.js";

/** The sum of a list of tensors. */
export class Add extends ElementwiseMerge {
  protected override merge(inputs: readonly Tensor[]): Tensor {
    return inputs.reduce((sum, input) => add(sum, input));
  }
}

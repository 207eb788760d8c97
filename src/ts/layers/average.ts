import { add, div } from "../ops/binary.js";
import type { Tensor } from "../tensor.js";
import { ElementwiseMerge } from "./merge.js";

/** The mean of a list of tensors. */
export class Average extends ElementwiseMerge {
  protected override merge(inputs: readonly Tensor[]): Tensor {
    return div(
      inputs.reduce((sum, input) => add(sum, input)),
      inputs.length,
    );
  }
}

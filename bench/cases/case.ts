import type { Params } from "../harness/protocol.js";

/** One thing to measure. Every competitor has a file of the stem's name that does it. */
export interface Case {
  stem:
    | "matmul"
    | "conv2d"
    | "activation"
    | "avgPool2d"
    | "embedding"
    | "layerNorm"
    | "maxPool2d"
    | "reduce"
    | "softmax"
    | "cnn"
    | "dispatch";
  name: string;
  params: Params;
  /** Floating-point operations of one run, where GFLOP/s say something. */
  flops?: number;
  /** The largest difference from the reference that passes, relative to the largest reference value of that output. */
  tolerance: number;
  /**
   * The sampled values of every output, computed plainly in float64. Without it PyTorch's results are the reference,
   * and the case cannot run without PyTorch.
   */
  reference?: () => number[][];
}

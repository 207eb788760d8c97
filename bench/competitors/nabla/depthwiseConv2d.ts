import { depthwiseConv2d as convolve } from "nabla";
import type { DepthwiseParams } from "../../cases/depthwiseConv2d.js";
import type { Subject } from "../../harness/serve.js";
import { input, stepOf } from "./step.js";

export function depthwiseConv2d({ batch, size, channels, backward }: DepthwiseParams): Subject {
  const shape = [batch, size, size, channels];
  const x = input(1, shape, backward);
  const kernel = input(2, [3, 3, channels, 1], backward);
  const dy = backward ? input(3, shape) : undefined;
  return stepOf(() => convolve(x, kernel, { padding: "same" }), [x, kernel], dy);
}

import { conv2d as convolve } from "nabla";
import { resultSize, type Conv2dParams } from "../../cases/conv2dParams.js";
import type { Subject } from "../../harness/serve.js";
import { input, stepOf } from "./step.js";

export function conv2d(params: Conv2dParams): Subject {
  const { batch, size, inChannels, outChannels, kernel, stride, pad, backward, inputGradient } = params;
  const side = resultSize(params);
  const x = input(1, [batch, size, size, inChannels], inputGradient);
  const w = input(2, [kernel, kernel, inChannels, outChannels], backward);
  const bias = input(3, [outChannels], backward);
  const dy = backward ? input(4, [batch, side, side, outChannels]) : undefined;
  const leaves = inputGradient ? [w, bias, x] : [w, bias];
  return stepOf(() => convolve(x, w, { bias, strides: stride, padding: pad }), leaves, dy);
}

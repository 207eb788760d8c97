import { conv2d as convolve, tensor, type Tensor } from "nabla";
import { resultSize, type Conv2dParams } from "../../cases/conv2d.js";
import { sample, values } from "../../harness/inputs.js";
import type { Subject } from "../../harness/serve.js";
import { fence } from "./fence.js";

export function conv2d(params: Conv2dParams): Subject {
  const { batch, size, inChannels, outChannels, kernel, stride, pad, backward, inputGradient } = params;
  const side = resultSize(params);
  const array = (seed: number, shape: number[], requiresGrad = false): Tensor =>
    tensor(
      values(
        seed,
        shape.reduce((a, b) => a * b, 1),
      ),
      { shape, requiresGrad },
    );
  const x = array(1, [batch, size, size, inChannels], inputGradient);
  const w = array(2, [kernel, kernel, inChannels, outChannels], backward);
  const bias = array(3, [outChannels], backward);
  const dy = backward ? array(4, [batch, side, side, outChannels]) : undefined;
  const leaves = backward ? [w, bias, ...(inputGradient ? [x] : [])] : [];

  function step(): Tensor {
    for (const leaf of leaves) {
      leaf.grad?.dispose();
      leaf.grad = null;
    }
    const y = convolve(x, w, { bias, strides: stride, padding: pad });
    if (dy) y.backward(dy);
    return y;
  }

  return {
    output() {
      const y = step();
      return [y, ...leaves.map((leaf) => leaf.grad!)].map((result) => sample(result.dataSync()));
    },
    run(iterations) {
      for (let i = 0; i < iterations; i++) step().dispose();
      fence();
    },
  };
}

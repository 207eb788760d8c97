import { conv2d as convolve, tensor, type Tensor } from "nabla";
import type { Conv2dParams } from "../../cases/conv2d.js";
import { sample, values } from "../../harness/inputs.js";
import type { Subject } from "../../harness/serve.js";
import { fence } from "./fence.js";

export function conv2d(params: Conv2dParams): Subject {
  const { batch, height, width, inChannels, outChannels, kernel, backward, inputGradient } = params;
  const xShape = [batch, height, width, inChannels];
  const wShape = [kernel, kernel, inChannels, outChannels];
  const yShape = [batch, height - kernel + 1, width - kernel + 1, outChannels];
  const size = (shape: number[]): number => shape.reduce((a, b) => a * b, 1);
  const x = tensor(values(1, size(xShape)), { shape: xShape, requiresGrad: inputGradient });
  const w = tensor(values(2, size(wShape)), { shape: wShape, requiresGrad: backward });
  const bias = tensor(values(3, outChannels), { requiresGrad: backward });
  const dy = tensor(values(4, size(yShape)), { shape: yShape });
  const leaves = backward ? [w, bias, ...(inputGradient ? [x] : [])] : [];

  function step(): Tensor {
    for (const leaf of leaves) {
      leaf.grad?.dispose();
      leaf.grad = null;
    }
    const y = convolve(x, w, { bias });
    if (backward) y.backward(dy);
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

import { tensor } from "nabla";
import type { CnnParams } from "../../cases/cnn.js";
import { labels, values } from "../../harness/inputs.js";
import { makeCnn } from "../../harness/model.js";
import type { Subject } from "../../harness/serve.js";
import { trainOnBatches } from "./training.js";

const CLASSES = 10;

/** `trainOnBatch` of a compiled model, with batches that are tensors already. */
export function cnn({ batch, images }: CnnParams): Subject {
  const model = makeCnn();
  model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
  model.setWeights(glorotWeights());

  const pixels = batch * 28 * 28;
  const x = values(1, images * 28 * 28);
  const y = labels(2, images, CLASSES);
  const batches = Array.from({ length: images / batch }, (_, i) => ({
    x: tensor(x.subarray(i * pixels, (i + 1) * pixels), { shape: [batch, 28, 28, 1] }),
    y: tensor(y.subarray(i * batch, (i + 1) * batch)),
  }));

  return trainOnBatches(model, batches);
}

/** Glorot-uniform kernels and zero biases. */
function glorotWeights(): Float32Array[] {
  const kernels = [
    { window: 9, inputs: 1, outputs: 32 },
    { window: 9, inputs: 32, outputs: 64 },
    { window: 1, inputs: 1600, outputs: 128 },
    { window: 1, inputs: 128, outputs: CLASSES },
  ];
  return kernels.flatMap(({ window, inputs, outputs }, i) => {
    const limit = Math.sqrt(6 / (window * (inputs + outputs)));
    return [values(10 + i, window * inputs * outputs, limit), new Float32Array(outputs)];
  });
}

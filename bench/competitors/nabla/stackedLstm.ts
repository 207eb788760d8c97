import { Sequential, layers, tensor } from "nabla";
import type { StackedLstmParams } from "../../cases/stackedLstm.js";
import { labels, values } from "../../harness/inputs.js";
import type { Subject } from "../../harness/serve.js";
import { trainOnBatches } from "./training.js";

/** `trainOnBatch` of a compiled model, with batches that are tensors already. */
export function stackedLstm({ batch, steps, inputs, units, classes, sequences }: StackedLstmParams): Subject {
  const model = new Sequential([
    new layers.LSTM({ units, returnSequences: true, inputShape: [steps, inputs] }),
    new layers.LSTM({ units, returnSequences: true }),
    new layers.Dense({ units: classes, activation: "softmax" }),
  ]);
  model.compile({ optimizer: "adam", loss: "categoricalCrossentropy" });
  model.setWeights([...lstmWeights(10, inputs, units), ...lstmWeights(12, units, units), ...denseWeights()]);

  function lstmWeights(seed: number, features: number, size: number): Float32Array[] {
    const limit = 1 / Math.sqrt(size);
    const kernel = values(seed, features * 4 * size, limit);
    const recurrentKernel = values(seed + 1, size * 4 * size, limit);
    // The forget gates' is 1, as Keras begins.
    return [kernel, recurrentKernel, new Float32Array(4 * size).fill(1, size, 2 * size)];
  }
  function denseWeights(): Float32Array[] {
    return [values(14, units * classes, 1 / Math.sqrt(units)), new Float32Array(classes)];
  }

  const x = values(1, sequences * steps * inputs);
  const oneHot = new Float32Array(sequences * steps * classes);
  labels(2, sequences * steps, classes).forEach((label, i) => (oneHot[i * classes + label] = 1));
  const batches = Array.from({ length: sequences / batch }, (_, i) => {
    const part = (data: Float32Array, size: number) =>
      tensor(data.subarray(i * batch * steps * size, (i + 1) * batch * steps * size), { shape: [batch, steps, size] });
    return { x: part(x, inputs), y: part(oneHot, classes) };
  });

  return trainOnBatches(model, batches);
}

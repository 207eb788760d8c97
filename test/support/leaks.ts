import { layers, memory, noGrad, type Tensor } from "nabla";
import { currentStream } from "../../src/ts/device.js";

/** Live storages, once all that nothing refers to any more were found. */
export function settledTensors(): number {
  const stream = currentStream();
  let before = Infinity;
  for (let tensors = sweep(); tensors < before; tensors = sweep()) before = tensors;
  return memory().tensors;

  function sweep(): number {
    stream.sweep();
    return memory().tensors;
  }
}

/**
 * The same over several turns of the event loop: the collector may see a step's graph as alive for a sweep or some, and
 * only the least number is what is left.
 */
export async function restingTensors(): Promise<number> {
  let least = Infinity;
  for (let i = 0; i < 10; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    least = Math.min(least, settledTensors());
  }
  return least;
}

/**
 * What a layer leaves alive of a call in training, and of one with backward, once its result and the gradients are
 * disposed of: nothing, if it releases what it makes on its way.
 */
export function leftOfCalls<In extends layers.Tensors>(
  layer: layers.Layer<In>,
  x: In,
  options: Partial<layers.CallOptions> = {},
): { call: number; step: number } {
  const train = (): Tensor => layer.apply(x, { training: true, ...options });
  const step = (): void => {
    const y = train();
    const loss = y.sum();
    loss.backward();
    const leaves = [x, layer.trainableWeights].flat() as Tensor[];
    for (const made of [y, loss, ...leaves.map(({ grad }) => grad!)]) made.dispose();
    for (const leaf of leaves) leaf.grad = null;
  };
  step(); // Builds the layer, and makes constants that stay.

  const before = memory().tensors;
  noGrad(train).dispose();
  const call = memory().tensors - before;
  step();
  return { call, step: memory().tensors - before - call };
}

import { memory } from "nabla";
import { cpuStream } from "../../src/ts/stream.js";

/** Live storages, once all that nothing refers to any more were found. */
export function settledTensors(): number {
  const stream = cpuStream();
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

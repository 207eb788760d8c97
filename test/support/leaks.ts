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

import type { Tensor } from "../tensor.js";

/** Runs what reads tensors: one that is disposed of meanwhile keeps its memory until the end. */
export async function whileHeld(tensors: readonly Tensor[], run: () => Promise<void>): Promise<void> {
  for (const { storage } of tensors) storage.references++;
  try {
    await run();
  } finally {
    for (const { storage } of tensors) storage.release();
  }
}

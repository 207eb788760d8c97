import { isLogits } from "../activations.js";
import type { Tensor } from "../tensor.js";

/**
 * Gives back the memory of a value between two layers once nothing more is computed from it; what the tape saved of it,
 * the tape holds by itself. Values that are still in use stay, so do weights, what was kept, and logits, which a loss may
 * look for.
 */
export function release(value: Tensor, inUse: readonly Tensor[]): void {
  const isLeaf = value.requiresGrad && value.node === null;
  if (value.kept || isLeaf || isLogits(value) || inUse.includes(value)) return;
  value.dispose();
}

import { isLogits } from "../activations.js";
import { enterScope, leaveScope } from "../scope.js";
import type { Tensor } from "../tensor.js";

/** Gives back the memory of a value, unless it is among those that are in use. */
export type Release = (value: Tensor, inUse: readonly Tensor[]) => void;

/**
 * Runs layers, between which `fn` may release values once nothing more is computed from them; what the tape saved of one,
 * the tape holds by itself. Only what was made meanwhile goes: not what a layer keeps for its next call, nor weights,
 * nor logits, which a loss may look for.
 */
export function withRelease<T>(fn: (release: Release) => T): T {
  const scope = enterScope();
  try {
    return fn((value, inUse) => {
      // The newest come last.
      const isNew = scope.members.lastIndexOf(value) >= 0;
      if (isNew && !value.kept && !isLogits(value) && !inUse.includes(value)) value.dispose();
    });
  } finally {
    // Whatever is left belongs to who called.
    leaveScope(scope, () => true);
  }
}

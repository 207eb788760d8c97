import { ArgumentError } from "./errors.js";

// The generator is counter-based (native/core/philox.h): a seed and a running block number are all its state,
// and they live here, so that the numbers do not depend on threads, devices or timing.
let seed = Math.floor(Math.random() * 2 ** 32);
let block = 0;

/**
 * Starts the random numbers of this thread anew. The same seed gives the same numbers in the same program,
 * whatever the machine and the number of threads. The generator is Philox4x32-10 (Salmon et al., "Parallel random
 * numbers: as easy as 1, 2, 3", 2011).
 *
 * @param value an integer from 0 to 2^53 - 1.
 * @throws ArgumentError for any other value.
 */
export function setSeed(value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new ArgumentError(`setSeed: not a seed: ${String(value)}, expected an integer from 0 to 2^53 - 1`);
  }
  seed = value;
  block = 0;
}

/** @internal Seed and first block for `elements` random numbers; the blocks count as used. */
export function takeRandom(elements: number): { seed: number; counter: number } {
  const counter = block;
  block += Math.ceil(elements / 4);
  return { seed, counter };
}

/** @internal What the next random numbers depend on. */
export interface RandomState {
  readonly seed: number;
  readonly block: number;
}

/** @internal */
export function randomState(): RandomState {
  return { seed, block };
}

/** @internal Goes on with the random numbers as they were then. */
export function restoreRandom(state: RandomState): void {
  ({ seed, block } = state);
}

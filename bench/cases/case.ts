import type { Params } from "../harness/protocol.js";
import type { Target } from "./targets.js";

/**
 * What one run of a case cannot do without. `peak` is the measured limit of the machine that it is held against:
 * fused multiply-adds in float32, dot products of bfloat16, memory copied, or memory read.
 */
export type Work =
  | { flops: number; peak: "fma" | "bf16" }
  /** Every input read once, every output written once. */
  | { bytes: number; peak: "copy" | "read" }
  /** Calls of small ops, where neither says anything. */
  | { calls: number };

/** One thing to measure. Every competitor that can do it has a file of the stem's name that does it. */
export interface Case {
  stem: string;
  name: string;
  params: Params;
  /** Of one run; not of `memory`. */
  work?: Work;
  /** "memory": the most resident memory of a process of its own that does the case. Time if left out. */
  measure?: "memory";
  target: Target;
  /** How long each competitor warms up, where the harness's 0.3 s are too short. */
  warmUpSeconds?: number;
  /** The largest difference from the reference that passes, relative to the largest reference value of that output. */
  tolerance: number;
  /** Of competitors that round more by their nature. */
  toleranceOf?: Readonly<Record<string, number>>;
  /**
   * The sampled values of every output, computed plainly in float64; null where that takes too long. Without it
   * PyTorch's results are the reference, and the case cannot run without PyTorch.
   */
  reference?: () => (number | null)[][];
}

export const FLOAT = 4;

/**
 * Of short training steps, which by their nature are made by the thousand: Node.js compiles the many functions behind one
 * step in the course of the first two thousand.
 */
export const TRAINING_WARM_UP_SECONDS = 10;

/** Bytes of so many float32 numbers that pass between memory and the CPU. */
export function moved(floats: number): Work {
  return { bytes: FLOAT * floats, peak: "copy" };
}

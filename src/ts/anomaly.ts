import { isFloating } from "./dtype.js";
import { AnomalyError } from "./errors.js";
import { formatShape, type Shape } from "./shape.js";
import type { TapeNode } from "./tape.js";
import type { Tensor } from "./tensor.js";

/** @internal Whether a {@link detectAnomaly} is running. */
export let watching = false;

/** Where the ops on the tape were called. */
const calls = new WeakMap<object, Error>();

/** The op whose backward function is running. */
let passing: TapeNode | null = null;

/**
 * Runs `fn` and checks the result of every op at once, in the forward and in the backward pass: the first NaN or
 * infinity that an op makes of finite inputs is an error. Its stack leads to the call of the op; where a gradient is at
 * fault, its `cause` has the stack of the forward call. Every op waits for its result, so this is for debugging. An
 * asynchronous `fn` is watched until its promise settles, and so is everything else that runs meanwhile.
 *
 * Infinities that the program itself puts into tensors, such as masks, are not errors.
 *
 * @throws AnomalyError that names the op, the place and the shape.
 */
export function detectAnomaly<T>(fn: () => T): T {
  const before = watching;
  watching = true;
  const stop = (): void => {
    watching = before;
  };
  let result: T;
  try {
    result = fn();
  } catch (error) {
    stop();
    throw error;
  }
  if (result instanceof Promise) return result.finally(stop) as T;
  stop();
  return result;
}

/** @internal Remembers where the op of a node was called. */
export function noteCall(node: object): void {
  calls.set(node, new Error("the op was called here"));
}

/** @internal Runs a backward function; what goes wrong inside is put down to the node's op. */
export function watchBackward<T>(node: TapeNode, run: () => T): T {
  const before = passing;
  passing = node;
  try {
    return run();
  } finally {
    passing = before;
  }
}

/** @internal Checks the results of an op. @throws AnomalyError */
export function watchOp(op: string, inputs: readonly Tensor[], outputs: readonly Tensor[]): void {
  // What comes from nothing was asked for: full(shape, Infinity).
  if (inputs.length === 0) return;
  const given = inputs.reduce((worst, input) => Math.max(worst, worstOf(input).rank), FINITE);
  for (const output of outputs) {
    const { rank, place } = worstOf(output);
    if (rank <= given) continue;
    const what = rank === NOT_A_NUMBER ? "a NaN" : "an infinity";
    const where = `at [${indexOf(place, output.shape)}] of ${output.dtype} ${formatShape(output.shape)}`;
    if (passing === null) throw new AnomalyError(`${op}: the result has ${what}: ${where}, the inputs have none`);
    const cause = calls.get(passing);
    throw new AnomalyError(`${passing.op}: the gradient has ${what}: ${where}, made by ${op} in backward`, { cause });
  }
}

const FINITE = 0;
const INFINITE = 1;
const NOT_A_NUMBER = 2;

/** The worst that a tensor holds, and where the first of it is. */
function worstOf(tensor: Tensor): { rank: number; place: number } {
  let rank = FINITE;
  let place = 0;
  if (!isFloating(tensor.dtype)) return { rank, place };
  const data = tensor.dataSync();
  for (let i = 0; i < data.length && rank < NOT_A_NUMBER; i++) {
    if (Number.isFinite(data[i])) continue;
    const found = Number.isNaN(data[i]) ? NOT_A_NUMBER : INFINITE;
    if (found > rank) [rank, place] = [found, i];
  }
  return { rank, place };
}

function indexOf(place: number, shape: Shape): number[] {
  const index: number[] = [];
  for (let axis = shape.length - 1, rest = place; axis >= 0; axis--) {
    index.unshift(rest % shape[axis]!);
    rest = Math.floor(rest / shape[axis]!);
  }
  return index;
}

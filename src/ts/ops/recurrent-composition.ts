// The recurrent ops in tensor ops, step by step: what their kernels are tested against, and what their second
// derivatives are computed with.
import { differentiate } from "../autograd.js";
import { variableOf } from "../grad.js";
import { isRecording, withRecording } from "../tape.js";
import type { Tensor } from "../tensor.js";
import { add, mul } from "./binary.js";
import { stack } from "./concat.js";
import { zeros } from "./creation.js";
import { sum } from "./reduce.js";
import { reshape } from "./reshape.js";
import { slice } from "./slice.js";
import { cut } from "./split.js";
import { where } from "./where.js";

/** @internal The activations that a cell may have after its sum. */
export const CELL_ACTIVATIONS = ["tanh", "relu"] as const;

/** @internal */
export type CellActivation = (typeof CELL_ACTIVATIONS)[number];

/** @internal What a step reads beside its input and its states. */
export interface Weights {
  readonly kernel: Tensor;
  readonly recurrentKernel: Tensor;
  readonly bias: Tensor | null;
  /** What multiplies h before each product with the recurrent kernel, [B, H]: dropout. Only the composition knows it. */
  readonly hiddenMask?: Tensor | null;
}

/** @internal What goes into a step's product with the recurrent kernel. */
export function maskedState(h: Tensor, { hiddenMask }: Weights): Tensor {
  return hiddenMask ? mul(h, hiddenMask) : h;
}

/** @internal The inputs of a recurrent op by their roles. */
export interface RecurrentInputs extends Weights {
  readonly x: Tensor;
  /** Null for zeros. */
  readonly states: readonly Tensor[] | null;
  readonly mask: Tensor | null;
}

/** @internal What one step of a recurrent op does, and what that takes. */
export interface Cell {
  /** Columns of the kernels for each unit. */
  readonly gates: number;
  /** The rows of the bias: 1 for a vector. */
  readonly biasRows: 1 | 2;
  /** The names of the states; the first one is the output too. */
  readonly states: readonly string[];
  /** Whether the activation is a choice. */
  readonly anyActivation: boolean;
  /** The next states, from x [B, I] and states [B, H]. */
  step(x: Tensor, states: readonly Tensor[], weights: Weights, activation: CellActivation): readonly Tensor[];
}

/** @internal How a recurrent op goes through time. */
export interface Course {
  readonly backwards: boolean;
  readonly zeroOutput: boolean;
  readonly sequences: boolean;
  readonly activation: CellActivation;
}

/** @internal The last states, then if wanted the outputs of all steps, as the kernels give them. */
export function composeRecurrent(cell: Cell, inputs: RecurrentInputs, course: Course): Tensor[] {
  const { x, recurrentKernel, mask } = inputs;
  const [batch, steps, features] = x.shape as [number, number, number];
  const { device } = x;
  const zero: Tensor = zeros([batch, recurrentKernel.shape[0]!], { dtype: x.dtype as "float32", device });
  const rows = cut(x, new Array<number>(steps).fill(1), 1);
  let states: readonly Tensor[] = inputs.states ?? cell.states.map(() => zero);
  let y = zero;
  const outputs: Tensor[] = [];
  for (let i = 0; i < steps; i++) {
    const t = course.backwards ? steps - 1 - i : i;
    const before = states;
    states = cell.step(reshape(rows[t]!, [batch, features]), before, inputs, course.activation);
    if (mask === null) y = states[0]!;
    else {
      const counts = slice(mask, [null, [t, t + 1]]);
      y = where(counts, states[0]!, course.zeroOutput ? zero : y) as Tensor;
      states = states.map((state, k) => where(counts, state, before[k]!) as Tensor);
    }
    outputs.push(y);
  }
  if (steps === 0) {
    // A step that is not taken, so that every input has a gradient, of zeros.
    const idle = cell.step(sum(x, { axis: 1 }), states, inputs, course.activation);
    states = states.map((state, k) => where(zeros([1], { dtype: "bool", device }), idle[k]!, state) as Tensor);
    outputs.push(states[0]!);
  }
  if (!course.sequences) return [...states];
  return [...states, slice(stack(outputs, 1), [null, [0, steps]])];
}

/**
 * @internal The gradients of the gradient op of a cell, with respect to x, kernel, recurrentKernel, bias and states as
 * far as given, and to `seeds`. In the order of the composition's results, `seeds` are the gradients that came from
 * behind (null where there was none), and `grads` are those of the gradients of the inputs.
 */
export function gradientsOfGradients(
  cell: Cell,
  inputs: RecurrentInputs,
  course: Course,
  seeds: readonly (Tensor | null)[],
  grads: readonly (Tensor | null)[],
): { readonly inputs: readonly (Tensor | null)[]; readonly seeds: readonly (Tensor | null)[] } {
  const nothing = { inputs: grads.map(() => null), seeds: seeds.map(() => null) };
  const x = variableOf(inputs.x);
  const kernel = variableOf(inputs.kernel);
  const recurrentKernel = variableOf(inputs.recurrentKernel);
  const bias = inputs.bias && variableOf(inputs.bias);
  const states = inputs.states && inputs.states.map(variableOf);
  const variables = [x, kernel, recurrentKernel, ...(bias ? [bias] : []), ...(states ?? [])];
  const ends = seeds.map((seed) => seed && variableOf(seed));
  const wanted = variables.flatMap((variable, i) => (grads[i] ? [variable] : []));
  const weights = grads.filter((gradient) => gradient !== null);
  const penalty = withRecording(true, () => {
    const results = composeRecurrent(cell, { x, kernel, recurrentKernel, bias, states, mask: inputs.mask }, course);
    const total = sumOfProducts(results, ends);
    const slopes = differentiate(
      total!,
      wanted.map(({ node }) => node!),
      true,
    );
    return sumOfProducts(weights, slopes);
  });
  if (penalty === null) return nothing;
  const targets = [...variables, ...ends.filter((end) => end !== null)].map(({ node }) => node!);
  const found = differentiate(penalty, targets, isRecording());
  const rest = found.slice(variables.length);
  return {
    inputs: found.slice(0, variables.length),
    seeds: ends.map((end) => (end ? rest.shift()! : null)),
  };
}

/** Null where all products lack a factor. */
function sumOfProducts(a: readonly Tensor[], b: readonly (Tensor | null)[]): Tensor | null {
  let total: Tensor | null = null;
  a.forEach((left, i) => {
    const right = b[i];
    if (!right) return;
    const part = sum(mul(left, right)) as Tensor;
    total = total ? add(total, part) : part;
  });
  return total;
}

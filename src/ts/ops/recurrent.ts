// What the recurrent ops have in common: options, checks, and the two kernels of each, forward and backward.
import { checkBoolean, checkOptions } from "../checks.js";
import type { DType } from "../dtype.js";
import { ArgumentError, DTypeError, ShapeError, describe } from "../errors.js";
import { tidy } from "../memory.js";
import { checkTensor, defineOp, type Op, type TensorSpec } from "../op.js";
import { formatShape, sameShape, type Shape } from "../shape.js";
import { isRecording } from "../tape.js";
import type { Tensor } from "../tensor.js";
import { ACTIVATIONS } from "./activation-grad.js";
import { checkChoice, checkFloating } from "./arguments.js";
import { checkCoefficient, type Optional } from "./normalization.js";
import {
  CELL_ACTIVATIONS,
  composeRecurrent,
  gradientsOfGradients,
  type Cell,
  type CellActivation,
  type RecurrentInputs,
} from "./recurrent-composition.js";
import { any } from "./reduce.js";
import { reshape } from "./reshape.js";
import { slice } from "./slice.js";
import { where } from "./where.js";

/** The options that all recurrent ops share. */
export interface RecurrentOptions {
  /**
   * bool [batch, time], true where a step counts. Another step leaves the states of its row as they are, and its output
   * is that of the step before: zeros before the first one that counts.
   */
  mask?: Tensor | null;
  /** Whether time runs from the last step to the first; the sequence of outputs is in that order too. False by default. */
  goBackwards?: boolean;
  /** Whether the outputs of all steps are wanted, [batch, time, units], or that of the last one. False by default. */
  returnSequences?: boolean;
  /** Whether the last states are wanted too: the result is then a list of the output and them. False by default. */
  returnState?: boolean;
  /** Whether steps that do not count have outputs of zeros. False by default. */
  zeroOutputForMask?: boolean;
}

/** true, false, or boolean where the compiler cannot know. */
type Flag<O, K extends string> = K extends keyof O
  ? O[K] extends true
    ? true
    : O[K] extends false | undefined
      ? false
      : boolean
  : false;

type Output<D extends DType, Sequences extends boolean> = Tensor<
  D,
  boolean extends Sequences ? number : Sequences extends true ? 3 : 2
>;

/** What a recurrent op gives for options O: the output, or a list of it and the states. */
export type RecurrentResult<D extends DType, O, States extends readonly Tensor[]> =
  Flag<O, "returnState"> extends infer State
    ? State extends true
      ? [y: Output<D, Flag<O, "returnSequences">>, ...states: States]
      : Output<D, Flag<O, "returnSequences">>
    : never;

const OPTIONS = ["initialState", "mask", "goBackwards", "returnSequences", "returnState", "zeroOutputForMask"];

/** @internal What the kernels are told. */
export interface RecurrentAttributes {
  /** Which inputs follow x, kernel and recurrentKernel. */
  readonly bias: boolean;
  readonly state: boolean;
  readonly mask: boolean;
  readonly backwards: boolean;
  readonly zeroOutput: boolean;
  /** Whether the outputs of all steps are an output. */
  readonly sequences: boolean;
  /** Whether what backward reads is an output. */
  readonly train: boolean;
  readonly activation: CellActivation;
}

interface GradAttributes extends RecurrentAttributes {
  /** Whether there is a gradient of the sequence, and of each last state. */
  readonly dy: boolean;
  readonly dstates: readonly boolean[];
  /** Whether the gradient of x is wanted. */
  readonly dx: boolean;
}

/** The inputs of an op by their roles. */
function rolesOf(cell: Cell, inputs: readonly Tensor[], attrs: RecurrentAttributes): RecurrentInputs {
  const [x, kernel, recurrentKernel] = inputs as [Tensor, Tensor, Tensor];
  let at = 3;
  return {
    x,
    kernel,
    recurrentKernel,
    bias: attrs.bias ? inputs[at++]! : null,
    states: attrs.state ? cell.states.map(() => inputs[at++]!) : null,
    mask: attrs.mask ? inputs[at]! : null,
  };
}

function encodeCourse({ bias, state, mask, backwards, zeroOutput }: RecurrentAttributes): number[] {
  return [bias, state, mask, backwards, zeroOutput].map(Number);
}

/** What follows the other attributes of a cell with a choice. */
function encodeActivation({ anyActivation }: Cell, { activation }: RecurrentAttributes): number[] {
  return anyActivation ? [ACTIVATIONS.indexOf(activation)] : [];
}

/**
 * @internal Registers the op of a cell, whose kernel keeps `reserve` numbers of each unit and step for its gradient. x [B, T, I], kernel [I, G * H], recurrentKernel [H, G * H], bias?, states?
 * [B, H] each, mask? [B, T] -> the last states [, y [B, T, H]] [, what backward reads].
 */
export function defineRecurrent(
  name: string,
  cell: Cell,
  reserve: number,
  gradOp: Op<GradAttributes>,
): Op<RecurrentAttributes> {
  return defineOp<RecurrentAttributes>({
    name,
    infer: ([x, , recurrentKernel], { sequences, train }) => {
      const { dtype } = x!;
      const [batch, steps] = x!.shape as [number, number];
      const units = recurrentKernel!.shape[0]!;
      const specs: TensorSpec[] = cell.states.map(() => ({ shape: [batch, units], dtype }));
      if (sequences) specs.push({ shape: [batch, steps, units], dtype });
      if (train) specs.push({ shape: [steps, batch, reserve * units], dtype });
      return specs;
    },
    encode: (attrs) => [
      ...encodeCourse(attrs),
      ...[attrs.sequences, attrs.train].map(Number),
      ...encodeActivation(cell, attrs),
    ],
    contiguous: true,
    save: ({ sequences }, needs) => ({
      inputs: Array.from(needs.keys()),
      outputs: [cell.states.length + Number(sequences)],
    }),
    backward: ({ grads, inputs, outputs, needs, attrs }) => {
      const dstates = grads.slice(0, cell.states.length);
      const dy = attrs.sequences ? grads[cell.states.length]! : null;
      const given = [dy, ...dstates].filter((gradient) => gradient !== null);
      const dx = needs[0]!;
      const results = gradOp([...inputs, outputs.at(-1)!, ...given], {
        ...attrs,
        dy: dy !== null,
        dstates: dstates.map((gradient) => gradient !== null),
        dx,
      });
      const gradients = dx ? results : [null, ...results];
      return attrs.mask ? [...gradients, null] : gradients;
    },
  });
}

/**
 * @internal Registers the gradient of a cell's op: its inputs, what it kept, and the gradients that there are of
 * [y, ...states] -> the gradients of its inputs but the mask.
 */
export function defineRecurrentGrad(name: string, cell: Cell): Op<GradAttributes> {
  const reserveOf = ({ bias, state, mask }: GradAttributes): number =>
    3 + Number(bias) + (state ? cell.states.length : 0) + Number(mask);
  return defineOp<GradAttributes>({
    name,
    infer: (inputs, attrs) => inputs.slice(attrs.dx ? 0 : 1, reserveOf(attrs) - Number(attrs.mask)),
    // The kernel has no use for the bias; the second derivative has.
    operands: (inputs, _, { bias }) => (bias ? inputs.toSpliced(3, 1) : inputs),
    encode: (attrs) => [
      ...encodeCourse(attrs),
      ...[attrs.dy, ...attrs.dstates, attrs.dx].map(Number),
      ...encodeActivation(cell, attrs),
    ],
    contiguous: true,
    save: (attrs, needs) => ({ inputs: Array.from(needs.keys()).filter((i) => i !== reserveOf(attrs)) }),
    backward: ({ grads, inputs, attrs }) => {
      const given = inputs.slice(reserveOf(attrs) + 1);
      const dy = attrs.dy ? given.shift()! : null;
      const dstates = attrs.dstates.map((some) => (some ? given.shift()! : null));
      const found = gradientsOfGradients(
        cell,
        rolesOf(cell, inputs, attrs),
        { ...attrs, sequences: attrs.dy },
        attrs.dy ? [...dstates, dy] : dstates,
        attrs.dx ? grads : [null, ...grads],
      );
      const [forDy, forStates] = [found.seeds[cell.states.length] ?? null, found.seeds.slice(0, cell.states.length)];
      return [
        ...found.inputs,
        ...(attrs.mask ? [null] : []),
        null,
        ...(attrs.dy ? [forDy] : []),
        ...forStates.filter((_, i) => attrs.dstates[i]),
      ];
    },
  });
}

/** @internal What the user gave, checked. */
export interface RecurrentCall {
  readonly inputs: RecurrentInputs;
  readonly attrs: RecurrentAttributes;
  readonly returnState: boolean;
}

/** @internal A call's options, some of which only one op knows. */
type Given = RecurrentOptions & { readonly initialState?: unknown; readonly activation?: unknown };

/** @internal Checks the arguments of a recurrent op. @throws ShapeError, DTypeError, ArgumentError */
export function checkRecurrent(
  op: string,
  cell: Cell,
  [x, kernel, recurrentKernel]: readonly [Tensor, Tensor, Tensor],
  bias: Optional,
  options: Given,
): RecurrentCall {
  for (const tensor of [x, kernel, recurrentKernel]) checkTensor(op, tensor);
  checkOptions(op, options, cell.anyActivation ? [...OPTIONS, "activation"] : OPTIONS);
  checkFloating(op, "x", x);
  if (x.rank !== 3) {
    throw new ShapeError(
      `${op}: x does not have 3 dimensions: its shape is ${formatShape(x.shape)}, expected [batch, time, features]`,
    );
  }
  const [batch, steps, features] = x.shape as [number, number, number];
  const { gates } = cell;
  const units = recurrentKernel.shape[0] ?? 0;
  if (recurrentKernel.rank !== 2 || units === 0 || recurrentKernel.shape[1] !== gates * units) {
    throw new ShapeError(
      `${op}: recurrentKernel does not fit: it is ${formatShape(recurrentKernel.shape)}, expected [units, ${gates > 1 ? `${gates} * ` : ""}units]`,
    );
  }
  const columns = gates * units;
  checkCoefficient(op, "recurrentKernel", recurrentKernel, [units, columns], x);
  checkCoefficient(op, "kernel", kernel, [features, columns], x);
  const offset = checkCoefficient(op, "bias", bias, cell.biasRows === 1 ? [columns] : [cell.biasRows, columns], x);
  const states = checkStates(op, cell, options.initialState, [batch, units], x);
  const mask = checkMask(op, options.mask, [batch, steps], x);
  const flag = (name: "goBackwards" | "returnSequences" | "returnState" | "zeroOutputForMask"): boolean =>
    checkBoolean(op, name, options[name] ?? false);
  const activation = checkChoice(op, "activation", options.activation ?? "tanh", CELL_ACTIVATIONS);
  const inputs = { x, kernel, recurrentKernel, bias: offset, states, mask };
  const attrs = {
    bias: offset !== null,
    state: states !== null,
    mask: mask !== null,
    backwards: flag("goBackwards"),
    zeroOutput: flag("zeroOutputForMask"),
    sequences: flag("returnSequences"),
    train: isRecording() && listOf(inputs).some(({ requiresGrad }) => requiresGrad),
    activation,
  };
  return { inputs, attrs, returnState: flag("returnState") };
}

function checkStates(op: string, cell: Cell, given: unknown, shape: Shape, x: Tensor): readonly Tensor[] | null {
  if (given === undefined || given === null) return null;
  const { states } = cell;
  if (!Array.isArray(given) || given.length !== states.length) {
    const what = Array.isArray(given) ? `a list of ${given.length}` : describe(given);
    throw new ArgumentError(
      `${op}: initialState is wrong: ${what}, expected a list of ${states.length}: [${states.join(", ")}]`,
    );
  }
  for (const state of given) checkTensor(op, state);
  return given.map((state: Tensor, i) => checkCoefficient(op, `initialState[${i}]`, state, shape, x)!);
}

function checkMask(op: string, mask: Tensor | null | undefined, shape: Shape, x: Tensor): Tensor | null {
  if (mask === undefined || mask === null) return null;
  checkTensor(op, mask);
  if (mask.dtype !== "bool") {
    throw new DTypeError(`${op}: mask is not bool: its dtype is ${mask.dtype}, expected bool`);
  }
  if (!sameShape(mask.shape, shape)) {
    throw new ShapeError(
      `${op}: mask does not fit: it is ${formatShape(mask.shape)}, expected ${formatShape(shape)}: x is ${formatShape(x.shape)}`,
    );
  }
  return mask;
}

/** The inputs as the kernels take them. */
function listOf({ x, kernel, recurrentKernel, bias, states, mask }: RecurrentInputs): Tensor[] {
  return [x, kernel, recurrentKernel, bias, ...(states ?? []), mask].filter((tensor) => tensor !== null);
}

/** @internal Calls a cell's op, or its composition where it has none, and gives what the user asked for. */
export function runRecurrent(
  op: Op<RecurrentAttributes> | null,
  cell: Cell,
  { inputs, attrs, returnState }: RecurrentCall,
): Tensor | Tensor[] {
  return tidy(() => {
    const results = op ? op(listOf(inputs), attrs) : composeRecurrent(cell, inputs, attrs);
    const states = results.slice(0, cell.states.length);
    const y = attrs.sequences ? results[cell.states.length]! : lastOutput(states[0]!, inputs, attrs);
    if (!returnState) return y;
    // Each result is a tensor of its own, so that the caller may dispose of one.
    return [y === states[0] ? reshape(y, y.shape) : y, ...states];
  });
}

/** The output of the last step, which is not the state where that step, or every step, does not count. */
function lastOutput(h: Tensor, { x, mask, states }: RecurrentInputs, attrs: RecurrentAttributes): Tensor {
  const steps = x.shape[1]!;
  if (mask === null || steps === 0 || (states === null && !attrs.zeroOutput)) return h;
  const last = attrs.backwards ? 0 : steps - 1;
  const counts = attrs.zeroOutput ? slice(mask, [null, [last, last + 1]]) : any(mask, { axis: 1, keepDims: true });
  return where(counts, h, 0) as Tensor;
}

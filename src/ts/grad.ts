import { differentiate } from "./autograd.js";
import { ArgumentError, DTypeError, ShapeError, describe } from "./errors.js";
import { isFloating } from "./dtype.js";
import { checkTensor } from "./op.js";
import { zeros } from "./ops/creation.js";
import { formatShape } from "./shape.js";
import { TapeNode, withRecording, type Backward } from "./tape.js";
import { Tensor } from "./tensor.js";

/** One gradient for one input, or else a list with one for each. */
export type GradientsOf<A extends readonly Tensor[]> = A extends readonly [Tensor] ? A[0] : A;

export interface GradOptions {
  /**
   * Whether the gradients are to be part of the graph, so that they can be differentiated with respect to other tensors
   * that `f` uses. By default they are when an input requires a gradient, as in `grad(grad(f))`.
   */
  createGraph?: boolean;
}

/**
 * The function that gives the gradient of `f`: with respect to its input, or a list with the gradients of all inputs
 * where `f` is called with several. `f` gives a tensor of one element. Nothing is added to any `grad`, and the inputs
 * need not require gradients. An input that the result does not depend on has a gradient of zeros.
 *
 * `grad(grad(f))` is the second derivative of an `f` of one number.
 *
 * @throws ArgumentError unless `f` is a function and its inputs are tensors. The function that is returned throws
 * DTypeError for inputs that are not floating-point, and ShapeError when `f` gives more than one element.
 */
export function grad<A extends Tensor[]>(
  f: (...inputs: A) => Tensor,
  options: GradOptions = {},
): (...inputs: A) => GradientsOf<A> {
  checkFunction("grad", f);
  return (...inputs) => evaluate("grad", f, inputs, options).grad;
}

/** Like {@link grad}, but the function gives the value of `f` too. */
export function valueAndGrad<A extends Tensor[]>(
  f: (...inputs: A) => Tensor,
  options: GradOptions = {},
): (...inputs: A) => { value: Tensor; grad: GradientsOf<A> } {
  checkFunction("valueAndGrad", f);
  return (...inputs) => evaluate("valueAndGrad", f, inputs, options);
}

function evaluate<A extends Tensor[]>(
  op: string,
  f: (...inputs: A) => Tensor,
  inputs: A,
  { createGraph = inputs.some((input) => input instanceof Tensor && input.requiresGrad) }: GradOptions,
): { value: Tensor; grad: GradientsOf<A> } {
  for (const input of inputs) checkInput(op, input);
  const variables = inputs.map(variableOf);
  const nodes = variables.map((variable) => variable.node!);
  const value = withRecording(true, () => f(...(variables as A)));
  checkValue(op, value);
  const gradients = value.requiresGrad ? differentiate(value, nodes, createGraph) : nodes.map(() => null);
  const grads = gradients.map(
    (gradient, i) =>
      gradient ?? zeros(inputs[i]!.shape, { dtype: inputs[i]!.dtype as "float32", device: inputs[i]!.device }),
  );
  for (const variable of variables) if (variable !== value) variable.dispose();
  return {
    value: createGraph ? value : value.detach(),
    grad: (grads.length === 1 ? grads[0] : grads) as GradientsOf<A>,
  };
}

const passOn: Backward<undefined> = ({ grads }) => [grads[0]!];

/** @internal A tensor on the same elements, with a node of its own in the graph. */
export function variableOf(input: Tensor): Tensor {
  const node = new TapeNode<undefined>("input", undefined, 1, 1, passOn, null);
  node.connect([input]);
  const variable = input.alias();
  variable.attach(node as TapeNode, 0);
  return variable;
}

function checkFunction(op: string, f: unknown): void {
  if (typeof f !== "function") throw new ArgumentError(`${op}: not a function: ${describe(f)}, expected a function`);
}

function checkInput(op: string, input: Tensor): void {
  checkTensor(op, input);
  if (!isFloating(input.dtype)) {
    throw new DTypeError(
      `${op}: an input is not floating-point: its dtype is ${input.dtype}, expected float32 or float64`,
    );
  }
}

function checkValue(op: string, value: Tensor): void {
  checkTensor(op, value);
  if (value.size !== 1) {
    throw new ShapeError(
      `${op}: the function gives several elements: its result is ${formatShape(value.shape)}, expected one element, such as sum() gives`,
    );
  }
}

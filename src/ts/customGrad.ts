import { ArgumentError, DTypeError, ShapeError, describe } from "./errors.js";
import { gradientDType, isFloating } from "./dtype.js";
import { checkTensor } from "./op.js";
import { formatShape, sameShape } from "./shape.js";
import { isRecording, record, withRecording, type Backward } from "./tape.js";
import { Tensor } from "./tensor.js";

/** A function of tensors and the gradient that is to be used for it. */
export interface CustomGrad<A extends readonly Tensor[]> {
  /** Computes the result. Runs without recording; its ops do not matter for the gradient. */
  forward(...inputs: A): Tensor;
  /**
   * The gradient of each input, from the gradient of the result: one tensor where there is one input, or else a list, with
   * null for inputs without a gradient. Built of tensor ops, it can be differentiated again.
   */
  backward(gradient: Tensor, saved: { inputs: A; output: Tensor }): Tensor | readonly (Tensor | null)[];
}

/**
 * A function with a gradient of your own, such as a straight-through estimator, or a formula that is more exact than
 * what the ops of `forward` would give.
 *
 * ```ts
 * const roundThrough = customGrad({ forward: (x: Tensor) => x.round(), backward: (g) => g });
 * ```
 *
 * @param definition the function and its gradient.
 * @param name what messages and {@link detectAnomaly} call it.
 * @throws ArgumentError unless both parts are functions. The function that is returned throws ArgumentError when `forward`
 * gives no tensor; `backward()` throws ShapeError, DTypeError or ArgumentError when the gradients do not fit the inputs.
 */
export function customGrad<A extends Tensor[]>(
  definition: CustomGrad<A>,
  name = "customGrad",
): (...inputs: A) => Tensor {
  for (const part of ["forward", "backward"] as const) {
    const given: unknown = definition?.[part];
    if (typeof given !== "function") {
      throw new ArgumentError(`customGrad: ${part} is not a function: ${describe(given)}, expected a function`);
    }
  }
  const backward: Backward<undefined> = ({ grads, inputs, outputs, inputShapes, inputDTypes, needs }) => {
    const result = definition.backward(grads[0]!, { inputs: inputs as unknown as A, output: outputs[0]! });
    const gradients = result instanceof Tensor ? [result] : result;
    if (!Array.isArray(gradients) || gradients.length !== inputs.length) {
      const given = Array.isArray(gradients) ? `${gradients.length} gradients` : describe(gradients);
      throw new ArgumentError(
        `${name}: backward gives another number of gradients: ${given}, expected ${inputs.length}, one for each input`,
      );
    }
    return gradients.map((gradient: Tensor | null, i) => {
      if (gradient === null || !needs[i]) return null;
      checkTensor(name, gradient);
      if (!sameShape(gradient.shape, inputShapes[i]!)) {
        throw new ShapeError(
          `${name}: the gradient of input ${i} does not fit: it is ${formatShape(gradient.shape)}, the input is ${formatShape(inputShapes[i]!)}`,
        );
      }
      if (gradient.dtype !== gradientDType(inputDTypes[i]!)) {
        throw new DTypeError(
          `${name}: the gradient's dtype does not fit: it is ${gradient.dtype}, input ${i} is ${inputDTypes[i]}`,
        );
      }
      return gradient;
    });
  };
  return (...inputs) => {
    for (const input of inputs) checkTensor(name, input);
    const made = withRecording(false, () => definition.forward(...inputs));
    checkTensor(name, made);
    if (!isRecording() || !inputs.some((input) => input.requiresGrad)) return made;
    if (!isFloating(made.dtype)) {
      throw new DTypeError(
        `${name}: the result is not floating-point: its dtype is ${made.dtype}, expected float32 or float64`,
      );
    }
    // An input that is passed on as it is stays a leaf, or the result of another op.
    const output = made.alias();
    if (!inputs.includes(made)) made.dispose();
    const places = Array.from(inputs.keys());
    record(name, undefined, inputs, [output], backward, { inputs: places, outputs: [0] });
    return output;
  };
}

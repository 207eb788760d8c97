import { differentiate } from "./autograd.js";
import { isFloating } from "./dtype.js";
import { AnomalyError, ArgumentError, describe } from "./errors.js";
import { checkOptions } from "./checks.js";
import { variableOf } from "./grad.js";
import { tidy } from "./memory.js";
import { checkTensor } from "./op.js";
import { checkInteger, checkNumber } from "./ops/arguments.js";
import { add, mul } from "./ops/binary.js";
import { cast } from "./ops/cast.js";
import { tensor, zeros } from "./ops/creation.js";
import { sum } from "./ops/reduce.js";
import { formatShape } from "./shape.js";
import { withRecording } from "./tape.js";
import type { Tensor } from "./tensor.js";

export interface CheckGradientsOptions {
  /** The difference allowed, relative to the larger of 1 and the slope. 1e-6 by default. */
  tolerance?: number;
  /** How far inputs are moved. 1e-5 by default, where the errors of the differences are some 1e-10. */
  step?: number;
  /** 1 checks gradients, 2 the gradients of gradients as well. 1 by default. */
  order?: 1 | 2;
  /** Elements of an input that are moved, spread evenly over it. 64 by default. */
  samples?: number;
}

const OPTIONS = ["tolerance", "step", "order", "samples"];

/**
 * Compares the gradients that `backward` computes with central differences, in float64. The floating-point inputs are
 * copied as float64 and differentiated, others are passed as they are. `f` may give a tensor of any shape; what is
 * differentiated is its sum with fixed weights.
 *
 * @returns the largest error found, relative to the larger of 1 and the slope.
 * @throws AnomalyError that names the input, the element and both slopes when they differ by more than the tolerance.
 * @throws ArgumentError when no input is floating-point.
 */
export function checkGradients<A extends Tensor[]>(
  f: (...inputs: A) => Tensor,
  inputs: A,
  options: CheckGradientsOptions = {},
): number {
  if (typeof f !== "function") throw new ArgumentError(`checkGradients: not a function: ${describe(f)}`);
  if (!Array.isArray(inputs)) throw new ArgumentError(`checkGradients: the inputs are not a list: ${describe(inputs)}`);
  checkOptions("checkGradients", options, OPTIONS);
  const tolerance = checkNumber("checkGradients", "tolerance", options.tolerance ?? 1e-6);
  const step = checkNumber("checkGradients", "step", options.step ?? 1e-5);
  const samples = checkInteger("checkGradients", "samples", options.samples ?? 64, 1);
  const order = checkInteger("checkGradients", "order", options.order ?? 1, 1);
  for (const input of inputs) checkTensor("checkGradients", input);
  if (!inputs.some(({ dtype }) => isFloating(dtype))) {
    throw new ArgumentError("checkGradients: no input is floating-point: there is nothing to differentiate");
  }
  const call = f as (...given: Tensor[]) => Tensor;
  const first: Scalar = (given, recorded) => withRecording(recorded, () => weightedSum(call(...given), 1));
  let largest = compare("gradient", first, inputs, { tolerance, step, samples });
  if (order > 1) {
    const second: Scalar = (given, recorded) => {
      const gradients = gradientsOf(first(given, true), given, recorded);
      const parts = gradients.flatMap((gradient, i) => (gradient ? [weightedSum(gradient, 2 + i)] : []));
      return parts.length > 0 ? parts.reduce((a, b) => add(a, b)) : zeros([], { dtype: "float64" });
    };
    largest = Math.max(largest, compare("second derivative", second, inputs, { tolerance, step, samples }));
  }
  return largest;
}

/** A function that gives one number, as part of the graph or not. */
type Scalar = (given: readonly Tensor[], recorded: boolean) => Tensor;

interface Bounds {
  readonly tolerance: number;
  readonly step: number;
  readonly samples: number;
}

/** The largest error of the gradients of `scalar`. */
function compare(
  what: string,
  scalar: Scalar,
  inputs: readonly Tensor[],
  { tolerance, step, samples }: Bounds,
): number {
  return tidy(() => {
    const values = inputs.map((input) => (isFloating(input.dtype) ? valuesOf(input) : null));
    const make = (moved: number, data: Float64Array | null): Tensor[] =>
      inputs.map((input, i) => {
        const own = i === moved ? data : values[i]!;
        return own ? variableOf(tensor(own, { shape: input.shape, device: input.device })) : input.detach();
      });
    const variables = make(-1, null);
    const gradients = gradientsOf(scalar(variables, true), variables, false);
    let largest = 0;
    values.forEach((data, i) => {
      if (!data) return;
      const slopes = gradients[i]?.dataSync();
      const stride = Math.max(1, data.length / samples);
      for (let n = 0; n * stride < data.length; n++) {
        const place = Math.floor(n * stride);
        const at = (shift: number): number => {
          const moved = data.slice();
          moved[place]! += shift;
          return tidy(() => scalar(make(i, moved), false).itemSync());
        };
        const difference = (at(step) - at(-step)) / (2 * step);
        const slope = slopes ? slopes[place]! : 0;
        const error = Math.abs(slope - difference) / Math.max(1, Math.abs(difference));
        if (!(error <= tolerance)) {
          throw new AnomalyError(
            `checkGradients: a ${what} is wrong: input ${i} of ${formatShape(inputs[i]!.shape)} at ${place} has ${slope}, expected ${difference} to within ${tolerance}`,
          );
        }
        largest = Math.max(largest, error);
      }
    });
    return largest;
  });
}

function valuesOf(input: Tensor): Float64Array {
  return withRecording(false, () => cast(input, "float64").dataSync());
}

function gradientsOf(result: Tensor, variables: readonly Tensor[], createGraph: boolean): (Tensor | null)[] {
  if (!result.requiresGrad) return variables.map(() => null);
  const gradients = differentiate(
    result,
    variables.flatMap(({ node }) => node ?? []),
    createGraph,
  );
  return variables.map((variable) => (variable.node ? gradients.shift()! : null));
}

/** The sum of a result's elements, each times a weight that has no pattern. */
function weightedSum(result: Tensor, salt: number): Tensor {
  const weights = Float64Array.from({ length: result.size }, (_, i) => Math.sin(1 + i * 1.37 + salt * 0.71) + 0.3);
  return sum(mul(result, tensor(weights, { shape: result.shape, device: result.device })));
}

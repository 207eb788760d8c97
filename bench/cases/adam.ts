import { samplePlaces, values } from "../harness/inputs.js";
import { moved, type Case } from "./case.js";
import { targets } from "./targets.js";

/** A step of Adam on parameters that have gradients: seeds 1 and up, and their gradients `tensors` seeds later. */
export interface AdamParams {
  tensors: number;
  /** Elements of each. */
  size: number;
  [key: string]: number;
}

export const RATE = 0.001;
const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-7];
const STEPS = 2;

/** The tensors that are compared: the first and the last. */
export function adamSeeds({ tensors }: AdamParams): number[] {
  return [1, tensors];
}

function adam(tensors: number, size: number): Case {
  const params: AdamParams = { tensors, size };
  return {
    stem: "adam",
    name: `Adam, ${(tensors * size) / 1e6} M parameters in ${tensors} tensors`,
    params,
    // Parameter, gradient and both means are read, all but the gradient are written.
    work: moved(7 * tensors * size),
    target: targets.pass,
    // Parameters of up to 1 are rounded to float32 after each of two steps of 1e-3.
    tolerance: 5e-7,
    reference: () => adamSeeds(params).map((seed) => reference(params, seed)),
  };
}

/** The parameters after two steps with the same gradient. */
function reference({ tensors, size }: AdamParams, seed: number): number[] {
  const parameters = values(seed, size);
  const gradients = values(seed + tensors, size);
  return samplePlaces(size).map((place) => {
    let [p, m, v] = [parameters[place]!, 0, 0];
    const g = gradients[place]!;
    for (let step = 1; step <= STEPS; step++) {
      m = BETA1 * m + (1 - BETA1) * g;
      v = BETA2 * v + (1 - BETA2) * g * g;
      const rate = (RATE * Math.sqrt(1 - BETA2 ** step)) / (1 - BETA1 ** step);
      p -= (rate * m) / (Math.sqrt(v) + EPSILON);
    }
    return p;
  });
}

export const cases: Case[] = [adam(100, 100_000)];

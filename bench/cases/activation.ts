import { samplePlaces, values } from "../harness/inputs.js";
import { moved, type Case } from "./case.js";
import { targets } from "./targets.js";

/** Of a [rows, columns] array: gelu(x), or relu(a + b). */
export interface ActivationParams {
  rows: number;
  columns: number;
  /** Whether it is relu(a + b). */
  add: boolean;
  backward: boolean;
  [key: string]: number | boolean;
}

/** Of the inputs: from the tail of gelu to where it is x. */
export const LIMIT = 4;

function activation(name: string, add: boolean, backward: boolean): Case {
  const params: ActivationParams = { rows: 4096, columns: 768, add, backward };
  return {
    stem: "activation",
    name: `${name} 4096x768, ${backward ? "forward+backward" : "forward"}`,
    params,
    // Inputs and y; dy and one gradient, which is that of both addends.
    work: moved(params.rows * params.columns * ((add ? 3 : 2) + (backward ? 2 : 0))),
    target: targets.pass,
    // A dozen roundings.
    tolerance: 2e-6,
    reference: () => reference(params),
  };
}

/** Outputs: y, and with `backward` the gradient of each input. */
function reference({ rows, columns, add, backward }: ActivationParams): number[][] {
  const places = samplePlaces(rows * columns);
  const at = (seed: number, limit = 1): number[] => {
    const all = values(seed, rows * columns, limit);
    return places.map((place) => all[place]!);
  };
  const [a, b, dy] = [at(1, LIMIT), at(2, LIMIT), at(3)];
  if (add) {
    const sums = a.map((x, i) => Math.fround(x + b[i]!));
    const dx = sums.map((sum, i) => (sum > 0 ? dy[i]! : 0));
    return [sums.map((sum) => Math.max(sum, 0)), ...(backward ? [dx, dx] : [])];
  }
  const y = a.map((x) => x * distribution(x));
  const dx = a.map((x, i) => dy[i]! * (distribution(x) + x * density(x)));
  return [y, ...(backward ? [dx] : [])];
}

const density = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

/** The normal distribution: 1/2 + density * (x + x^3/3 + x^5/(3*5) + ...). */
function distribution(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 3; n < 120; n += 2) {
    term *= (x * x) / n;
    sum += term;
  }
  return 0.5 + density(x) * sum;
}

export const cases: Case[] = [
  activation("gelu", false, false),
  activation("gelu", false, true),
  activation("add+relu", true, false),
  activation("add+relu", true, true),
];

import { count, type Nd } from "./nd.js";

/** What of an op's results a case looks at: y is the sequence of outputs, last the output of the last step. */
export type Part = "y" | "last" | "h" | "c";

/** The inputs are mask?, x, kernel, recurrentKernel, bias?, initial states?. */
export interface RecurrentAttributes {
  readonly mask: boolean;
  readonly bias: boolean;
  readonly state: boolean;
  readonly backwards: boolean;
  readonly zeroOutput: boolean;
  readonly activation: "tanh" | "relu";
  readonly parts: readonly Part[];
}

export interface Weights {
  readonly kernel: Nd;
  readonly recurrentKernel: Nd;
  readonly bias: Nd | undefined;
}

/** The next states of one row, from its x and its states. */
export type Step = (
  x: Float64Array,
  states: readonly Float64Array[],
  weights: Weights,
  attrs: RecurrentAttributes,
) => Float64Array[];

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Element j of row @ matrix. */
export function dot(row: Float64Array, { shape, data }: Nd, j: number): number {
  return row.reduce((sum, value, i) => sum + value * data[i * shape[1]! + j]!, 0);
}

/** All parts that are asked for, one after the other in one vector. */
export function recurrent(step: Step, states: readonly Part[]) {
  return (inputs: readonly Nd[], attrs: RecurrentAttributes): Nd => {
    const left = [...inputs];
    const mask = attrs.mask ? left.shift() : undefined;
    const [x, kernel, recurrentKernel] = left.splice(0, 3) as [Nd, Nd, Nd];
    const weights = { kernel, recurrentKernel, bias: attrs.bias ? left.shift() : undefined };
    const [batch, steps, features] = x.shape as [number, number, number];
    const units = recurrentKernel.shape[0]!;
    const empty = (...shape: number[]): Float64Array => new Float64Array(count(shape));
    const parts: Record<Part, Float64Array> = {
      y: empty(batch, steps, units),
      last: empty(batch, units),
      h: empty(batch, units),
      c: empty(batch, units),
    };
    for (let b = 0; b < batch; b++) {
      const rowOf = (data: Float64Array): Float64Array => data.subarray(b * units, (b + 1) * units);
      let row = states.map((_, k) => (attrs.state ? rowOf(left[k]!.data) : empty(units)));
      let output = steps === 0 ? row[0]! : empty(units);
      for (let i = 0; i < steps; i++) {
        const t = b * steps + (attrs.backwards ? steps - 1 - i : i);
        if (mask === undefined || mask.data[t] !== 0) {
          row = step(x.data.subarray(t * features, (t + 1) * features), row, weights, attrs);
          output = row[0]!;
        } else if (attrs.zeroOutput) output = empty(units);
        parts.y.set(output, (b * steps + i) * units);
      }
      parts.last.set(output, b * units);
      states.forEach((name, k) => parts[name].set(row[k]!, b * units));
    }
    const data = Float64Array.from(attrs.parts.flatMap((part) => Array.from(parts[part])));
    return { shape: [data.length], data };
  };
}

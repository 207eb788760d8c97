import { samplePlaces, values } from "../harness/inputs.js";
import type { Case } from "./case.js";
import { targets, type Target } from "./targets.js";

/**
 * A recurrent layer over x [batch, steps, inputs] with a kernel [inputs, gates * units], a recurrent kernel
 * [units, gates * units] and a bias [biasRows, gates * units], the weights within +-1/sqrt(units). Outputs: y
 * [batch, steps, units], and as far as they are asked for the gradients of x, kernel, recurrent kernel and bias.
 */
export interface RecurrentParams {
  batch: number;
  steps: number;
  inputs: number;
  units: number;
  gates: number;
  biasRows: number;
  backward: boolean;
  /** The gradient of y is zero but for the first so many rows of the batch, which the reference goes through. */
  rows: number;
  [key: string]: number | boolean;
}

export interface RecurrentInputs {
  x: Float32Array;
  kernel: Float32Array;
  recurrentKernel: Float32Array;
  bias: Float32Array;
  dy: Float32Array;
}

export function recurrentInputs({
  batch,
  steps,
  inputs,
  units,
  gates,
  biasRows,
  rows,
}: RecurrentParams): RecurrentInputs {
  const limit = 1 / Math.sqrt(units);
  return {
    x: values(1, batch * steps * inputs),
    kernel: values(2, inputs * gates * units, limit),
    recurrentKernel: values(3, units * gates * units, limit),
    bias: values(4, biasRows * gates * units, limit),
    dy: values(5, batch * steps * units).fill(0, rows * steps * units),
  };
}

/** One row of the batch: its inputs, and what it adds to the gradients of the weights. */
export interface Row {
  readonly params: RecurrentParams;
  readonly given: RecurrentInputs;
  /** x of step t. */
  x(t: number): Float32Array;
  /** The gradient of y at step t. */
  dy(t: number): Float32Array;
  readonly sums: { readonly kernel: Float64Array; readonly recurrent: Float64Array; readonly bias: Float64Array };
}

/** Goes through all steps of a row and, if `backward` is asked for, back again. */
export type Pass = (row: Row) => { y: Float64Array; dx: Float64Array };

/** The layer at 64 and at 512 units, forward and with the gradients. */
export function recurrentCases(stem: "lstm" | "gru", gates: number, biasRows: number, pass: Pass): Case[] {
  function recurrent(sizes: [number, number, number], backward: boolean, rows: number, target: Target): Case {
    const [steps, inputs, units] = sizes;
    const params: RecurrentParams = { batch: BATCH, steps, inputs, units, gates, biasRows, backward, rows };
    return {
      stem,
      name: `${stem} B${BATCH} T${steps} I${inputs} H${units}, ${backward ? "forward+backward" : "forward"}`,
      params,
      // Each of the two products has two gradients.
      work: { flops: 2 * BATCH * steps * (inputs + units) * gates * units * (backward ? 3 : 1), peak: "fma" },
      target,
      // Sums of up to 4,096 float32 products.
      tolerance: 1e-5,
      reference: () => reference(params, pass),
    };
  }
  return [
    recurrent([64, 64, 64], false, BATCH, targets.recurrentForward),
    recurrent([64, 64, 64], true, BATCH, targets.recurrentBackward),
    recurrent([128, 256, 512], false, 2, targets.wideRecurrentForward),
    recurrent([128, 256, 512], true, 2, targets.wideRecurrentBackward),
  ];
}

const BATCH = 32;

function reference(params: RecurrentParams, pass: Pass): (number | null)[][] {
  const { batch, steps, inputs, units, gates, biasRows, backward, rows } = params;
  const given = recurrentInputs(params);
  const sums = {
    kernel: new Float64Array(inputs * gates * units),
    recurrent: new Float64Array(units * gates * units),
    bias: new Float64Array(biasRows * gates * units),
  };
  const done = Array.from({ length: rows }, (_, number) => {
    const at = (data: Float32Array, width: number) => (t: number) =>
      data.subarray((number * steps + t) * width, (number * steps + t + 1) * width);
    return pass({ params, given, x: at(given.x, inputs), dy: at(given.dy, units), sums });
  });
  const ofRows = (results: Float64Array[], width: number): (number | null)[] =>
    samplePlaces(batch * steps * width).map(
      (place) => results[Math.floor(place / (steps * width))]?.[place % (steps * width)] ?? null,
    );
  const y = ofRows(done.map((result) => result.y), units); // prettier-ignore
  if (!backward) return [y];
  const dx = ofRows(done.map((result) => result.dx), inputs); // prettier-ignore
  const ofSum = (sum: Float64Array): number[] => samplePlaces(sum.length).map((place) => sum[place]!);
  return [y, dx, ofSum(sums.kernel), ofSum(sums.recurrent), ofSum(sums.bias)];
}

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Adds vector @ matrix to `sums`. */
export function addProduct(sums: Float64Array, vector: ArrayLike<number>, matrix: Float32Array): Float64Array {
  for (let k = 0; k < vector.length; k++)
    for (let j = 0; j < sums.length; j++) sums[j]! += vector[k]! * matrix[k * sums.length + j]!;
  return sums;
}

/** matrix @ dz; adds the outer product of `vector` and dz to `gradient`. */
export function productBackward(
  vector: ArrayLike<number>,
  matrix: Float32Array,
  dz: Float64Array,
  gradient: Float64Array,
): Float64Array {
  return Float64Array.from({ length: vector.length }, (_, k) => {
    let sum = 0;
    for (let j = 0; j < dz.length; j++) {
      sum += matrix[k * dz.length + j]! * dz[j]!;
      gradient[k * dz.length + j]! += vector[k]! * dz[j]!;
    }
    return sum;
  });
}

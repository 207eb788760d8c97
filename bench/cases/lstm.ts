import { samplePlaces, values } from "../harness/inputs.js";
import type { Case } from "./case.js";
import { targets, type Target } from "./targets.js";

/**
 * Inputs: x [batch, steps, inputs], a kernel [inputs, 4 units], a recurrent kernel [units, 4 units] and a bias [4 units] with
 * the gates in the order input, forget, cell, output; the weights within +-1/sqrt(units). Outputs: y [batch, steps, units], and
 * as far as they are asked for the gradients of x, kernel, recurrent kernel and bias.
 */
export interface LstmParams {
  batch: number;
  steps: number;
  inputs: number;
  units: number;
  backward: boolean;
  /** The gradient of y is zero but for the first so many rows of the batch, which the reference goes through. */
  rows: number;
  [key: string]: number | boolean;
}

export interface LstmInputs {
  x: Float32Array;
  kernel: Float32Array;
  recurrentKernel: Float32Array;
  bias: Float32Array;
  dy: Float32Array;
}

export function lstmInputs({ batch, steps, inputs, units, rows }: LstmParams): LstmInputs {
  const limit = 1 / Math.sqrt(units);
  return {
    x: values(1, batch * steps * inputs),
    kernel: values(2, inputs * 4 * units, limit),
    recurrentKernel: values(3, units * 4 * units, limit),
    bias: values(4, 4 * units, limit),
    dy: values(5, batch * steps * units).fill(0, rows * steps * units),
  };
}

function lstm(steps: number, inputs: number, units: number, backward: boolean, rows: number, target: Target): Case {
  const params: LstmParams = { batch: BATCH, steps, inputs, units, backward, rows };
  return {
    stem: "lstm",
    name: `lstm B${BATCH} T${steps} I${inputs} H${units}, ${backward ? "forward+backward" : "forward"}`,
    params,
    // Each of the two products has two gradients.
    work: { flops: 2 * BATCH * steps * (inputs + units) * 4 * units * (backward ? 3 : 1), peak: "fma" },
    target,
    // Sums of up to 4,096 float32 products.
    tolerance: 1e-5,
    reference: () => reference(params),
  };
}

const BATCH = 32;

/** One row of the batch through all steps: its y, and the gradient of its x; adds to those of the weights. */
class Row {
  readonly y: Float64Array;
  readonly dx: Float64Array;

  constructor(
    private readonly params: LstmParams,
    private readonly given: LstmInputs,
    private readonly row: number,
    sums: { dkernel: Float64Array; drecurrent: Float64Array; dbias: Float64Array },
  ) {
    const { steps, inputs, units, backward } = params;
    this.y = new Float64Array(steps * units);
    this.dx = new Float64Array(steps * inputs);
    const gates = new Float64Array(steps * 4 * units);
    const cells = new Float64Array(steps * units);
    for (let t = 0; t < steps; t++) this.forward(t, gates.subarray(t * 4 * units, (t + 1) * 4 * units), cells);
    if (!backward) return;
    const dh = new Float64Array(units);
    const dc = new Float64Array(units);
    for (let t = steps - 1; t >= 0; t--) {
      const dz = this.gatesBackward(t, gates.subarray(t * 4 * units, (t + 1) * 4 * units), cells, dh, dc);
      dz.forEach((d, j) => (sums.dbias[j]! += d));
      for (let k = 0; k < inputs; k++) {
        this.dx[t * inputs + k] = productOf(given.kernel, k, dz, given.x[this.xAt(t) + k]!, sums.dkernel);
      }
      for (let k = 0; k < units; k++) {
        const h = t > 0 ? this.y[(t - 1) * units + k]! : 0;
        dh[k] = productOf(given.recurrentKernel, k, dz, h, sums.drecurrent);
      }
    }
  }

  private xAt(t: number): number {
    return (this.row * this.params.steps + t) * this.params.inputs;
  }

  private forward(t: number, z: Float64Array, cells: Float64Array): void {
    const { inputs, units } = this.params;
    const { x, kernel, recurrentKernel, bias } = this.given;
    z.set(bias);
    for (let k = 0; k < inputs; k++) addScaled(z, kernel, k, x[this.xAt(t) + k]!);
    for (let k = 0; k < units; k++) addScaled(z, recurrentKernel, k, t > 0 ? this.y[(t - 1) * units + k]! : 0);
    for (let j = 0; j < 4 * units; j++) z[j] = j >= 2 * units && j < 3 * units ? Math.tanh(z[j]!) : sigmoid(z[j]!);
    for (let j = 0; j < units; j++) {
      const before = t > 0 ? cells[(t - 1) * units + j]! : 0;
      const c = z[units + j]! * before + z[j]! * z[2 * units + j]!;
      cells[t * units + j] = c;
      this.y[t * units + j] = z[3 * units + j]! * Math.tanh(c);
    }
  }

  /** The gradients of the sums of step t; leaves in dc the gradient of the cells before. */
  private gatesBackward(t: number, gates: Float64Array, cells: Float64Array, dh: Float64Array, dc: Float64Array) {
    const { steps, units } = this.params;
    const dz = new Float64Array(4 * units);
    for (let j = 0; j < units; j++) {
      const [i, f, g, o] = [gates[j]!, gates[units + j]!, gates[2 * units + j]!, gates[3 * units + j]!];
      const dy = dh[j]! + this.given.dy[(this.row * steps + t) * units + j]!;
      const tanh = Math.tanh(cells[t * units + j]!);
      const slope = dc[j]! + dy * o * (1 - tanh * tanh);
      dz[j] = slope * g * i * (1 - i);
      dz[units + j] = t > 0 ? slope * cells[(t - 1) * units + j]! * f * (1 - f) : 0;
      dz[2 * units + j] = slope * i * (1 - g * g);
      dz[3 * units + j] = dy * tanh * o * (1 - o);
      dc[j] = slope * f;
    }
    return dz;
  }
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** sum += factor * matrix[k], of rows as long as the sum. */
function addScaled(sum: Float64Array, matrix: Float32Array, k: number, factor: number): void {
  const at = k * sum.length;
  for (let j = 0; j < sum.length; j++) sum[j]! += factor * matrix[at + j]!;
}

/** matrix[k] . dz; adds factor * dz to the same row of `gradient`. */
function productOf(matrix: Float32Array, k: number, dz: Float64Array, factor: number, gradient: Float64Array): number {
  const at = k * dz.length;
  let sum = 0;
  for (let j = 0; j < dz.length; j++) {
    sum += matrix[at + j]! * dz[j]!;
    gradient[at + j]! += factor * dz[j]!;
  }
  return sum;
}

function reference(params: LstmParams): (number | null)[][] {
  const { batch, steps, inputs, units, backward, rows } = params;
  const given = lstmInputs(params);
  const sums = {
    dkernel: new Float64Array(inputs * 4 * units),
    drecurrent: new Float64Array(units * 4 * units),
    dbias: new Float64Array(4 * units),
  };
  const done = Array.from({ length: rows }, (_, row) => new Row(params, given, row, sums));
  const ofRows = (results: Float64Array[], width: number): (number | null)[] =>
    samplePlaces(batch * steps * width).map(
      (place) => results[Math.floor(place / (steps * width))]?.[place % (steps * width)] ?? null,
    );
  const y = ofRows(
    done.map((row) => row.y),
    units,
  );
  if (!backward) return [y];
  const dx = ofRows(
    done.map((row) => row.dx),
    inputs,
  );
  const ofSum = (sum: Float64Array): number[] => samplePlaces(sum.length).map((place) => sum[place]!);
  return [y, dx, ofSum(sums.dkernel), ofSum(sums.drecurrent), ofSum(sums.dbias)];
}

export const cases: Case[] = [
  lstm(64, 64, 64, false, BATCH, targets.recurrentForward),
  lstm(64, 64, 64, true, BATCH, targets.recurrentBackward),
  lstm(128, 256, 512, false, 2, targets.wideRecurrentForward),
  lstm(128, 256, 512, true, 2, targets.wideRecurrentBackward),
];

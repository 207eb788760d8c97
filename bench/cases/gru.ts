import { samplePlaces, values } from "../harness/inputs.js";
import type { Case } from "./case.js";
import { targets, type Target } from "./targets.js";

/**
 * Inputs: x [batch, steps, inputs], a kernel [inputs, 3 units], a recurrent kernel [units, 3 units] and a bias [2, 3 units] (added
 * to the product with x, and to that with h) with the gates in the order update, reset, candidate; the weights within
 * +-1/sqrt(units). The reset gate is behind the product. Outputs: y [batch, steps, units], and as far as they are asked for the
 * gradients of x, kernel, recurrent kernel and bias.
 */
export interface GruParams {
  batch: number;
  steps: number;
  inputs: number;
  units: number;
  backward: boolean;
  /** The gradient of y is zero but for the first so many rows of the batch, which the reference goes through. */
  rows: number;
  [key: string]: number | boolean;
}

export interface GruInputs {
  x: Float32Array;
  kernel: Float32Array;
  recurrentKernel: Float32Array;
  bias: Float32Array;
  dy: Float32Array;
}

export function gruInputs({ batch, steps, inputs, units, rows }: GruParams): GruInputs {
  const limit = 1 / Math.sqrt(units);
  return {
    x: values(1, batch * steps * inputs),
    kernel: values(2, inputs * 3 * units, limit),
    recurrentKernel: values(3, units * 3 * units, limit),
    bias: values(4, 6 * units, limit),
    dy: values(5, batch * steps * units).fill(0, rows * steps * units),
  };
}

const BATCH = 32;

function gru(steps: number, inputs: number, units: number, backward: boolean, rows: number, target: Target): Case {
  const params: GruParams = { batch: BATCH, steps, inputs, units, backward, rows };
  return {
    stem: "gru",
    name: `gru B${BATCH} T${steps} I${inputs} H${units}, ${backward ? "forward+backward" : "forward"}`,
    params,
    // Each of the two products has two gradients.
    work: { flops: 2 * BATCH * steps * (inputs + units) * 3 * units * (backward ? 3 : 1), peak: "fma" },
    target,
    // Sums of up to 4,096 float32 products.
    tolerance: 1e-5,
    reference: () => reference(params),
  };
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** bias + vector @ matrix, for a vector of any length. */
function affine(vector: ArrayLike<number>, matrix: Float32Array, bias: Float32Array): Float64Array {
  const sums = Float64Array.from(bias);
  for (let k = 0; k < vector.length; k++)
    for (let j = 0; j < sums.length; j++) sums[j]! += vector[k]! * matrix[k * sums.length + j]!;
  return sums;
}

/** matrix @ dz; adds the outer product of `vector` and dz to `gradient`. */
function affineBackward(vector: ArrayLike<number>, matrix: Float32Array, dz: Float64Array, gradient: Float64Array) {
  return Float64Array.from({ length: vector.length }, (_, k) => {
    let sum = 0;
    for (let j = 0; j < dz.length; j++) {
      sum += matrix[k * dz.length + j]! * dz[j]!;
      gradient[k * dz.length + j]! += vector[k]! * dz[j]!;
    }
    return sum;
  });
}

interface Step {
  h: Float64Array;
  z: Float64Array;
  r: Float64Array;
  candidate: Float64Array;
  /** What r multiplies. */
  ofH: Float64Array;
}

/** One row of the batch through all steps: its y and the gradient of its x; adds to those of the weights. */
function row(
  params: GruParams,
  given: GruInputs,
  number: number,
  sums: Record<"kernel" | "recurrent" | "bias", Float64Array>,
) {
  const { steps, inputs, units, backward } = params;
  const [biasX, biasH] = [given.bias.subarray(0, 3 * units), given.bias.subarray(3 * units)];
  const xAt = (t: number): Float32Array =>
    given.x.subarray((number * steps + t) * inputs, (number * steps + t + 1) * inputs);
  const passed: Step[] = [];
  let h: Float64Array = new Float64Array(units);
  const y = new Float64Array(steps * units);
  for (let t = 0; t < steps; t++) {
    const a = affine(xAt(t), given.kernel, biasX);
    const b = affine(h, given.recurrentKernel, biasH);
    const z = Float64Array.from({ length: units }, (_, j) => sigmoid(a[j]! + b[j]!));
    const r = Float64Array.from({ length: units }, (_, j) => sigmoid(a[units + j]! + b[units + j]!));
    const ofH = b.subarray(2 * units);
    const candidate = Float64Array.from({ length: units }, (_, j) => Math.tanh(a[2 * units + j]! + r[j]! * ofH[j]!));
    passed.push({ h, z, r, candidate, ofH });
    h = h.map((before, j) => z[j]! * before + (1 - z[j]!) * candidate[j]!);
    y.set(h, t * units);
  }
  const dx = new Float64Array(steps * inputs);
  let dh: Float64Array = new Float64Array(units);
  for (let t = backward ? steps - 1 : -1; t >= 0; t--) {
    const step = passed[t]!;
    const [da, db] = [new Float64Array(3 * units), new Float64Array(3 * units)];
    const direct = new Float64Array(units);
    for (let j = 0; j < units; j++) {
      const [z, r, candidate] = [step.z[j]!, step.r[j]!, step.candidate[j]!];
      const slope = dh[j]! + given.dy[(number * steps + t) * units + j]!;
      const inner = slope * (1 - z) * (1 - candidate * candidate);
      da[j] = db[j] = slope * (step.h[j]! - candidate) * z * (1 - z);
      da[units + j] = db[units + j] = inner * step.ofH[j]! * r * (1 - r);
      da[2 * units + j] = inner;
      db[2 * units + j] = inner * r;
      direct[j] = slope * z;
    }
    dx.set(affineBackward(xAt(t), given.kernel, da, sums.kernel), t * inputs);
    dh = affineBackward(step.h, given.recurrentKernel, db, sums.recurrent).map((sum, j) => sum + direct[j]!);
    for (let j = 0; j < 3 * units; j++) {
      sums.bias[j]! += da[j]!;
      sums.bias[3 * units + j]! += db[j]!;
    }
  }
  return { y, dx };
}

function reference(params: GruParams): (number | null)[][] {
  const { batch, steps, inputs, units, backward, rows } = params;
  const given = gruInputs(params);
  const sums = {
    kernel: new Float64Array(inputs * 3 * units),
    recurrent: new Float64Array(units * 3 * units),
    bias: new Float64Array(6 * units),
  };
  const done = Array.from({ length: rows }, (_, number) => row(params, given, number, sums));
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

export const cases: Case[] = [
  gru(64, 64, 64, false, BATCH, targets.recurrentForward),
  gru(64, 64, 64, true, BATCH, targets.recurrentBackward),
  gru(128, 256, 512, false, 2, targets.wideRecurrentForward),
  gru(128, 256, 512, true, 2, targets.wideRecurrentBackward),
];

import { samplePlaces, values } from "../harness/inputs.js";
import { moved, type Case } from "./case.js";
import { targets } from "./targets.js";

/** Of images, by channel: forward with given statistics, forward and backward with those of the batch. */
export interface BatchNormParams {
  batch: number;
  size: number;
  channels: number;
  backward: boolean;
  [key: string]: number | boolean;
}

export const EPSILON = 1e-3;
/** What the given means and variances - 1 are limited to. */
export const LIMIT = 0.5;

function batchNorm(batch: number, size: number, channels: number, backward: boolean): Case {
  const params: BatchNormParams = { batch, size, channels, backward };
  const mode = backward ? "forward+backward, statistics of the batch" : "forward, given statistics";
  return {
    stem: "batchNorm",
    name: `batchNorm N=${batch} ${size} px ${channels}, ${mode}`,
    params,
    work: moved(batch * size ** 2 * channels * (backward ? 4 : 2)),
    target: targets.pass,
    // The sums over a batch are those of 25,000 numbers in float32.
    tolerance: 1e-5,
    reference: () => reference(params),
  };
}

/** Outputs: y, and as far as they are asked for dx, dgamma, dbeta. */
function reference({ batch, size, channels, backward }: BatchNormParams): number[][] {
  const count = batch * size * size;
  const x = values(1, count * channels);
  const gamma = values(2, channels);
  const beta = values(3, channels);
  const sums = (of: (i: number) => number): Float64Array => {
    const result = new Float64Array(channels);
    for (let i = 0; i < x.length; i++) result[i % channels]! += of(i);
    return result;
  };
  const mean = backward ? sums((i) => x[i]! / count) : values(4, channels, LIMIT);
  const variance = backward
    ? sums((i) => (x[i]! - mean[i % channels]!) ** 2 / count)
    : values(5, channels, LIMIT).map((v) => v + 1);
  const z = (i: number): number => (x[i]! - mean[i % channels]!) / Math.sqrt(variance[i % channels]! + EPSILON);
  const places = samplePlaces(x.length);
  const y = places.map((i) => z(i) * gamma[i % channels]! + beta[i % channels]!);
  if (!backward) return [y];

  const dy = values(6, x.length);
  const dbeta = sums((i) => dy[i]!);
  const dgamma = sums((i) => dy[i]! * z(i));
  const dx = places.map((i) => {
    const c = i % channels;
    const rest = dy[i]! - dbeta[c]! / count - (z(i) * dgamma[c]!) / count;
    return (gamma[c]! * rest) / Math.sqrt(variance[c]! + EPSILON);
  });
  const ofChannels = (sum: Float64Array): number[] => samplePlaces(channels).map((c) => sum[c]!);
  return [y, dx, ofChannels(dgamma), ofChannels(dbeta)];
}

export const cases: Case[] = [batchNorm(32, 28, 128, false), batchNorm(32, 28, 128, true)];

import * as tf from "@tensorflow/tfjs";
import type { MatmulParams } from "../../cases/matmul.js";
import { values } from "../../harness/inputs.js";
import type { Subject } from "../../harness/serve.js";
import { subject } from "./subject.js";

/** Its own transposed products are many times slower than a transposition before the product. */
export function matmul({ m, n, k, transposeA, transposeB }: MatmulParams): Subject {
  const a = tf.tensor2d(values(1, m * k), transposeA ? [k, m] : [m, k]);
  const b = tf.tensor2d(values(2, k * n), transposeB ? [n, k] : [k, n]);
  return subject(() => tf.tidy(() => tf.matMul(transposeA ? tf.transpose(a) : a, transposeB ? tf.transpose(b) : b)));
}

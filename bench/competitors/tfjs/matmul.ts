import * as tf from "@tensorflow/tfjs";
import type { MatmulParams } from "../../cases/matmul.js";
import { values } from "../../harness/inputs.js";
import { Unsupported, type Subject } from "../../harness/serve.js";
import { leaveOutLarge, subject } from "./subject.js";

/** Its own transposed products are many times slower than a transposition before the product. */
export function matmul({ batch, m, n, k, transposeA, transposeB, dtype }: MatmulParams): Subject {
  if (dtype !== "float32") throw new Unsupported(`no ${dtype}`);
  leaveOutLarge(2 * batch * m * n * k);
  const shape = (rows: number, columns: number): number[] => [...(batch > 1 ? [batch] : []), rows, columns];
  const a = tf.tensor(values(1, batch * m * k), transposeA ? shape(k, m) : shape(m, k));
  const b = tf.tensor(values(2, batch * k * n), transposeB ? shape(n, k) : shape(k, n));
  return subject(() => tf.tidy(() => tf.matMul(transposeA ? tf.transpose(a) : a, transposeB ? tf.transpose(b) : b)));
}

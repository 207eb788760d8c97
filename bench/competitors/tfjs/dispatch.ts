import * as tf from "@tensorflow/tfjs";
import type { DispatchParams } from "../../cases/dispatch.js";
import { values } from "../../harness/inputs.js";
import { Unsupported, type Subject } from "../../harness/serve.js";
import { subject } from "./subject.js";

export function dispatch({ adds, size, pass }: DispatchParams): Subject {
  if (pass !== "plain") throw new Unsupported("tfjs records functions, not tensors");
  const first = tf.tensor1d(values(1, size));
  const y = tf.tensor1d(values(2, size));
  return subject(() => {
    let x: tf.Tensor = first;
    for (let i = 0; i < adds; i++) {
      const next = x.add(y);
      if (x !== first) x.dispose();
      x = next;
    }
    return x;
  });
}

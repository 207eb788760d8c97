import * as tf from "@tensorflow/tfjs";
import { sample } from "../../harness/inputs.js";
import type { Subject } from "../../harness/serve.js";

/** The wasm backend computes at once: there is nothing to wait for. */
export function subject(step: () => tf.Tensor): Subject {
  return {
    output: () => [sample(tf.tidy(step).dataSync())],
    run(iterations) {
      for (let i = 0; i < iterations; i++) step().dispose();
    },
  };
}

import * as tf from "@tensorflow/tfjs";
import { sample } from "../../harness/inputs.js";
import { Unsupported, type Subject } from "../../harness/serve.js";

/** The wasm backend computes at once: there is nothing to wait for. */
export function subject(step: () => tf.Tensor): Subject {
  return {
    output: () => [sample(tf.tidy(step).dataSync())],
    run(iterations) {
      for (let i = 0; i < iterations; i++) step().dispose();
    },
  };
}

/** @throws Unsupported for what takes the wasm backend so long that the run would mostly wait for it. */
export function leaveOutLarge(flops: number): void {
  if (flops > 5e9) throw new Unsupported("left out: some ten times slower than the others, see the smaller cases");
}

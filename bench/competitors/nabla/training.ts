import { sample } from "../../harness/inputs.js";
import type { Subject } from "../../harness/serve.js";

/** Training steps, each of which gives its loss: the output are the losses of the first ones. */
export function trainingSubject(step: () => Promise<number>, losses = 5): Subject {
  return {
    async output() {
      const values: number[] = [];
      for (let i = 0; i < losses; i++) values.push(await step());
      return [sample(values)];
    },
    async run(iterations) {
      for (let i = 0; i < iterations; i++) await step();
    },
  };
}

/** `trainOnBatch` with one batch after another, and from the first one again. */
export function trainOnBatches<B extends { x: unknown; y: unknown }>(
  model: { trainOnBatch(x: B["x"], y: B["y"]): Promise<Record<string, number>> },
  batches: readonly B[],
): Subject {
  let next = 0;
  return trainingSubject(async () => {
    const { x, y } = batches[next++ % batches.length]!;
    return (await model.trainOnBatch(x, y))["loss"]!;
  });
}

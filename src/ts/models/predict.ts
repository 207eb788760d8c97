import { checkOptions, checkPositive } from "../checks.js";
import type { Layer } from "../layers/layer.js";
import { keep, tidy } from "../memory.js";
import { assign } from "../ops/assign.js";
import { zeros } from "../ops/creation.js";
import { slice } from "../ops/slice.js";
import { withRecording } from "../tape.js";
import type { Tensor } from "../tensor.js";
import { Pipeline } from "./pipeline.js";
import { SampleSet, type ModelInput } from "./samples.js";

export interface PredictOptions {
  /** Samples a step; 32 by default. */
  batchSize?: number;
}

/** See {@link Model.predict}. */
export async function predict(model: Layer, x: ModelInput, options: PredictOptions): Promise<Tensor> {
  checkOptions("predict", options, ["batchSize"]);
  const batchSize = checkPositive("predict", "batchSize", options.batchSize ?? 32);
  const samples = new SampleSet("predict", x, null);
  const pipeline = new Pipeline();
  const results: Tensor[] = [];
  const step = (start: number): void => {
    const y = model.apply(samples.batch(start, batchSize, null).x);
    if (results.length === 0) results.push(keep(zeros([samples.length, ...y.shape.slice(1)], { dtype: y.dtype })));
    assign(slice(results[0]!, [[start, start + y.shape[0]!]]), y);
  };
  try {
    for (let start = 0; start < samples.length; start += batchSize) {
      await pipeline.run(() => withRecording(false, () => tidy(() => step(start))));
    }
    await pipeline.drain();
    return results[0]!;
  } catch (error) {
    await pipeline.abandon();
    results[0]?.dispose();
    throw error;
  } finally {
    samples.dispose();
  }
}

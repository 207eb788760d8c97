import { checkOptions, checkPositive } from "../checks.js";
import type { Tensors } from "../layers/layer.js";
import { keep, tidy } from "../memory.js";
import { assign } from "../ops/assign.js";
import { zeros } from "../ops/creation.js";
import { slice } from "../ops/slice.js";
import { withRecording } from "../tape.js";
import type { Tensor } from "../tensor.js";
import type { AnyModel } from "./model.js";
import { Pipeline } from "./pipeline.js";
import { SampleSet, type ModelInputs } from "./samples.js";

export interface PredictOptions {
  /** Samples a step; 32 by default. */
  batchSize?: number;
}

/** See {@link Model.predict}. */
export async function predict(model: AnyModel, x: ModelInputs, options: PredictOptions): Promise<Tensors> {
  checkOptions("predict", options, ["batchSize"]);
  const batchSize = checkPositive("predict", "batchSize", options.batchSize ?? 32);
  const samples = new SampleSet("predict", model, x, null);
  const pipeline = new Pipeline(model.ownStream);
  const results: Tensor[] = [];
  let givesList = false;
  const step = (start: number): void => {
    const y = model.apply(samples.batch(start, batchSize, null).x);
    givesList = Array.isArray(y);
    const parts = (givesList ? y : [y]) as readonly Tensor[];
    parts.forEach((part, i) => {
      results[i] ??= keep(zeros([samples.length, ...part.shape.slice(1)], { dtype: part.dtype }));
      assign(slice(results[i], [[start, start + part.shape[0]!]]), part);
    });
  };
  try {
    for (let start = 0; start < samples.length; start += batchSize) {
      await pipeline.run(() => withRecording(false, () => tidy(() => step(start))));
    }
    await pipeline.drain();
    return givesList ? results : results[0]!;
  } catch (error) {
    await pipeline.abandon();
    for (const result of results) result.dispose();
    throw error;
  } finally {
    samples.dispose();
  }
}

import { checkOptions, checkPositive } from "../checks.js";
import { Dataset } from "../data/dataset.js";
import type { Tensors } from "../layers/layer.js";
import { keep, tidy } from "../memory.js";
import { assign } from "../ops/assign.js";
import { concat } from "../ops/concat.js";
import { zeros } from "../ops/creation.js";
import { slice } from "../ops/slice.js";
import { withRecording } from "../tape.js";
import type { Tensor } from "../tensor.js";
import { checkEnds, DatasetBatches, SampleBatches, type Batches } from "./batches.js";
import { refuseWithDataset } from "./evaluate.js";
import type { AnyModel } from "./model.js";
import { Pipeline } from "./pipeline.js";
import { SampleSet, type ModelInputs } from "./samples.js";

export interface PredictOptions {
  /** Samples a step; 32 by default. A dataset has its own batches. */
  batchSize?: number;
}

/** See {@link Model.predict}. */
export async function predict(
  model: AnyModel,
  x: ModelInputs | Dataset<unknown>,
  options: PredictOptions,
): Promise<Tensors> {
  checkOptions("predict", options, ["batchSize"]);
  const batchSize = checkPositive("predict", "batchSize", options.batchSize ?? 32);
  if (x instanceof Dataset) refuseWithDataset("predict", options, ["batchSize"]);
  const batches: Batches =
    x instanceof Dataset
      ? new DatasetBatches("predict", model, x, null)
      : new SampleBatches("predict", null, new SampleSet("predict", model, x, null), batchSize, false);
  const pipeline = new Pipeline(model.ownStream);
  const results = new Results(batches.samples);
  try {
    checkEnds("predict", batches);
    await batches.open();
    for await (const makeBatch of batches.pass()) {
      await pipeline.run(() => withRecording(false, () => tidy(() => results.add(model.apply(makeBatch().x)))));
    }
    await pipeline.drain();
    return results.all();
  } catch (error) {
    await pipeline.abandon();
    throw error;
  } finally {
    await batches.close();
    results.dispose();
  }
}

/** The results of all batches, put together. */
class Results {
  private readonly samples: number | null;
  private givesList = false;
  /** For each output: all results, written in place where their number is known, or those of each batch. */
  private readonly outputs: Tensor[][] = [];
  private rows = 0;

  constructor(samples: number | null) {
    this.samples = samples;
  }

  add(y: Tensors): void {
    this.givesList = Array.isArray(y);
    const parts = (this.givesList ? y : [y]) as readonly Tensor[];
    parts.forEach((part, i) => this.addPart((this.outputs[i] ??= []), part));
    this.rows += parts[0]!.shape[0]!;
  }

  all(): Tensors {
    if (this.samples === null) {
      for (const output of this.outputs) {
        const parts = output.splice(0);
        output.push(withRecording(false, () => concat(parts)));
        for (const part of parts) part.dispose();
      }
    }
    const whole = this.outputs.map(([only]) => only!);
    this.outputs.length = 0;
    return this.givesList ? whole : whole[0]!;
  }

  /** Gives up what nobody took. */
  dispose(): void {
    for (const part of this.outputs.flat()) part.dispose();
  }

  private addPart(output: Tensor[], part: Tensor): void {
    if (this.samples === null) {
      output.push(keep(part));
      return;
    }
    output[0] ??= keep(zeros([this.samples, ...part.shape.slice(1)], { dtype: part.dtype }));
    assign(slice(output[0], [[this.rows, this.rows + part.shape[0]!]]), part);
  }
}

import { Dataset } from "../data/dataset.js";
import { checkOptions, checkPositive } from "../checks.js";
import { ArgumentError } from "../errors.js";
import { checkEnds, DatasetBatches, SampleBatches, type Batches, type TrainingData } from "./batches.js";
import type { Logs } from "./history.js";
import { Pipeline } from "./pipeline.js";
import { checkVerbose, resultLine, type Verbose } from "./progress.js";
import { SampleSet, type ModelInputs } from "./samples.js";
import type { Trainer } from "./trainer.js";

export interface EvaluateOptions {
  /** Samples a step; 32 by default. A dataset has its own batches. */
  batchSize?: number;
  /** What each sample counts in the loss; see {@link FitOptions}. A dataset has the weights in its elements. */
  sampleWeight?: ModelInputs;
  /** 0 is silent; otherwise a line says the result. */
  verbose?: Verbose;
}

/** See {@link Model.evaluate}. */
export async function evaluate(trainer: Trainer, data: TrainingData, options: EvaluateOptions): Promise<Logs> {
  checkOptions("evaluate", options, ["batchSize", "sampleWeight", "verbose"]);
  const batchSize = checkPositive("evaluate", "batchSize", options.batchSize ?? 32);
  const verbose = checkVerbose("evaluate", options.verbose ?? "auto");
  if (data instanceof Dataset) refuseWithDataset("evaluate", options, ["batchSize", "sampleWeight"]);
  const { model } = trainer;
  const batches =
    data instanceof Dataset
      ? new DatasetBatches("evaluate", model, data, trainer)
      : new SampleBatches(
          "evaluate",
          trainer,
          new SampleSet("evaluate", model, data.x, data.y, options.sampleWeight),
          batchSize,
          false,
        );
  const pipeline = new Pipeline(model.ownStream);
  try {
    checkEnds("evaluate", batches);
    await batches.open();
    const start = performance.now();
    const { logs, steps } = await evaluateBatches(trainer, pipeline, batches);
    if (verbose !== 0) console.log(resultLine(steps, performance.now() - start, logs));
    return logs;
  } finally {
    await pipeline.abandon();
    await batches.close();
    trainer.reset();
  }
}

/** The figures of one pass without training. */
export async function evaluateBatches(
  trainer: Trainer,
  pipeline: Pipeline,
  batches: Batches,
): Promise<{ logs: Logs; steps: number }> {
  trainer.reset();
  let steps = 0;
  for await (const makeBatch of batches.pass()) {
    await pipeline.run(() => trainer.testStep(makeBatch));
    steps++;
  }
  await pipeline.drain();
  return { logs: await trainer.logs(), steps };
}

/** @throws ArgumentError for options that say what the elements of a dataset say. */
export function refuseWithDataset(op: string, options: object, names: readonly string[]): void {
  const name = names.find((each) => (options as Record<string, unknown>)[each] !== undefined);
  if (name === undefined) return;
  throw new ArgumentError(`${op}: ${name} does not go with a dataset: its elements are batches [x, y, sampleWeight]`);
}

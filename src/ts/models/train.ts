import { ArgumentError } from "../errors.js";
import type { Batches, MakeBatch, TrainingData } from "./batches.js";
import { CallbackList } from "./callbacks.js";
import { evaluateBatches } from "./evaluate.js";
import { checkTraining, makeSources, type Checked, type TrainOptions } from "./fitOptions.js";
import type { Logs } from "./history.js";
import { Pipeline } from "./pipeline.js";
import type { Trainer } from "./trainer.js";

/** What {@link Model.train} tells, after the callbacks. Epochs and batches are counted from 0. */
export type TrainEvent =
  | {
      readonly type: "epochBegin";
      readonly epoch: number;
      /** How many batches the epoch will have; null when only the dataset will tell. */
      readonly steps: number | null;
    }
  | {
      /** The batch was handed to the device, which may still compute. */
      readonly type: "batchEnd";
      readonly epoch: number;
      readonly batch: number;
      /** Waits for the figures of the epoch so far. */
      logs(): Promise<Logs>;
    }
  | {
      readonly type: "epochEnd";
      readonly epoch: number;
      /** The figures of the epoch, with those of the validation. */
      readonly logs: Logs;
    };

type Events<Result = void> = AsyncGenerator<TrainEvent, Result, void>;

interface Loop {
  readonly op: string;
  readonly trainer: Trainer;
  readonly pipeline: Pipeline;
  readonly callbacks: CallbackList;
  readonly feed: Feed;
  readonly validation: Batches | null;
  readonly options: Checked;
  stopped(): boolean;
}

/**
 * The training loop, of {@link Model.fit} too. Who leaves it ends the training after the batches that were handed over.
 *
 * @param own the options that only this caller has.
 */
export async function* train(
  op: string,
  trainer: Trainer,
  data: TrainingData,
  options: TrainOptions,
  own: readonly string[],
): Events {
  const { model } = trainer;
  const checked = checkTraining(op, options, data, trainer.compiled.outputs.length, own);
  const callbacks = new CallbackList(op, options.callbacks ?? [], model);
  const sources = makeSources(op, trainer, data, options, checked);
  const { training, validation } = sources;
  const pipeline = new Pipeline(model.ownStream);
  const feed = new Feed(op, training, checked.stepsPerEpoch);
  try {
    await training.open();
    await validation?.open();
    trainer.prepare(op);
    model.stopTraining = false;
    const stopped = (): boolean => model.stopTraining || (checked.signal?.aborted ?? false);
    await callbacks.trainBegin();
    yield* whole({ op, trainer, pipeline, callbacks, feed, validation, options: checked, stopped });
  } finally {
    await pipeline.abandon();
    await feed.close();
    await training.close();
    await validation?.close();
    sources.dispose();
    trainer.reset();
  }
}

/** All epochs, and the end of the training unless it failed. */
async function* whole(loop: Loop): Events {
  let failed = false;
  try {
    yield* epochs(loop);
  } catch (error) {
    failed = true;
    throw error;
  } finally {
    if (!failed) {
      await loop.pipeline.drain();
      await loop.callbacks.trainEnd();
    }
  }
}

async function* epochs(loop: Loop): Events {
  const { trainer, callbacks, validation } = loop;
  const { epochs: end, initialEpoch } = loop.options;
  for (let epoch = initialEpoch; epoch < end && !loop.stopped(); epoch++) {
    await callbacks.epochBegin(epoch);
    yield { type: "epochBegin", epoch, steps: loop.feed.steps };
    const isWhole = yield* batches(loop, epoch);
    if (!isWhole) return;
    const logs = await trainer.logs();
    if (validation) Object.assign(logs, await validate(trainer, loop.pipeline, validation));
    await callbacks.epochEnd(epoch, logs);
    yield { type: "epochEnd", epoch, logs };
  }
}

/** The steps of one epoch. False when it was stopped before its end. */
async function* batches(
  { op, trainer, pipeline, callbacks, feed, options, stopped }: Loop,
  epoch: number,
): Events<boolean> {
  trainer.reset();
  if (stopped()) return false;
  let step = 0;
  for await (const makeBatch of feed.epoch()) {
    await callbacks.batchBegin(step);
    await pipeline.run(() => trainer.trainStep(makeBatch, options.classWeight));
    const logs = (): Promise<Logs> => trainer.logs();
    await callbacks.batchEnd(step, logs);
    yield { type: "batchEnd", epoch, batch: step, logs };
    step++;
    if (stopped() && step !== feed.steps) {
      await pipeline.drain();
      return false;
    }
  }
  if (step === 0) {
    throw new ArgumentError(
      `${op}: the dataset has ended: it gave no batch in epoch ${epoch}, expected one that can be passed through again`,
    );
  }
  await pipeline.drain();
  return true;
}

async function validate(trainer: Trainer, pipeline: Pipeline, samples: Batches): Promise<Logs> {
  const { logs } = await evaluateBatches(trainer, pipeline, samples);
  return Object.fromEntries(Object.entries(logs).map(([name, value]) => [validationName(name), value]));
}

function validationName(name: string): string {
  return `val${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

/** Cuts batches into epochs: a pass each, or a number of steps. */
class Feed {
  private readonly op: string;
  private readonly source: Batches;
  private readonly stepsPerEpoch: number | null;
  private pass: AsyncGenerator<MakeBatch, void, void> | null = null;

  constructor(op: string, source: Batches, stepsPerEpoch: number | null) {
    this.op = op;
    this.source = source;
    this.stepsPerEpoch = stepsPerEpoch;
  }

  /** Of an epoch; null when it is not known. */
  get steps(): number | null {
    return this.stepsPerEpoch ?? this.source.steps;
  }

  async *epoch(): AsyncGenerator<MakeBatch, void, void> {
    if (this.stepsPerEpoch === null) yield* this.source.pass();
    else for (let step = 0; step < this.stepsPerEpoch; step++) yield await this.next(step);
  }

  async close(): Promise<void> {
    await this.pass?.return();
  }

  /** The next batch; after the last one the first follows. */
  private async next(step: number): Promise<MakeBatch> {
    let next = await this.pass?.next();
    if (next === undefined || next.done) next = await (this.pass = this.source.pass()).next();
    if (!next.done) return next.value;
    throw new ArgumentError(
      `${this.op}: the dataset has ended: it gave ${step} of the ${this.stepsPerEpoch} batches of an epoch, ` +
        "expected one that can be passed through again",
    );
  }
}

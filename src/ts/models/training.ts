import { checkBoolean, checkOptions, checkPositive, checkRange, wrong } from "../checks.js";
import { ArgumentError } from "../errors.js";
import { checkInteger } from "../ops/arguments.js";
import { ClassWeight } from "./classWeight.js";
import { CallbackList, type Callback } from "./callbacks.js";
import { History, type Logs } from "./history.js";
import type { AnyModel } from "./model.js";
import { Pipeline } from "./pipeline.js";
import { checkVerbose, makeProgress, resultLine, type Progress, type Verbose } from "./progress.js";
import { SampleSet, type ModelInputs } from "./samples.js";
import type { Trainer } from "./trainer.js";

export interface FitOptions {
  /** How often all samples are passed, together with `initialEpoch`: the last epoch's number. 1 by default. */
  epochs?: number;
  /** Samples a step; 32 by default. */
  batchSize?: number;
  /** Samples and targets that each epoch ends with an evaluation of: [x, y], or [x, y, sampleWeight]. */
  validationData?: readonly [ModelInputs, ModelInputs, ModelInputs?];
  /** In place of `validationData`: the part of the samples, taken from the end before shuffling, that is kept for it. */
  validationSplit?: number;
  /** Whether each epoch takes the samples in another order; true by default. */
  shuffle?: boolean;
  /** What each sample counts in the loss: [samples], or [samples, time] for sequences; for several outputs one for all, or each its own. */
  sampleWeight?: ModelInputs;
  /** In place of `sampleWeight`: what the samples of a class count, 1 if it is not named. Validation counts all alike. */
  classWeight?: Readonly<Record<number, number>>;
  callbacks?: readonly Callback[];
  /** Ends the training after the running batch. The epoch that it cuts off is not in the History. */
  signal?: AbortSignal;
  /** 0 is silent, 1 a progress bar on a terminal and a line an epoch elsewhere (as "auto", the default), 2 the lines. */
  verbose?: Verbose;
  /** The number of the first epoch; 0 by default. */
  initialEpoch?: number;
}

const FIT_OPTIONS = [
  "epochs",
  "batchSize",
  "validationData",
  "validationSplit",
  "shuffle",
  "sampleWeight",
  "classWeight",
  "callbacks",
  "signal",
  "verbose",
  "initialEpoch",
];

/** Milliseconds between two readings of the figures for the progress bar. */
const REPORT_EVERY = 100;

type Checked = Required<Pick<FitOptions, "epochs" | "batchSize" | "shuffle" | "initialEpoch">> & {
  verbose: Verbose;
  signal: AbortSignal | undefined;
  classWeight: ClassWeight | null;
};

/** The training loop of {@link Model.fit}. */
export async function fit(trainer: Trainer, x: ModelInputs, y: ModelInputs, options: FitOptions): Promise<History> {
  const { model } = trainer;
  const checked = checkFit(options, trainer.compiled.outputs.length);
  const callbacks = new CallbackList("fit", options.callbacks ?? [], model);
  const sets: SampleSet[] = [];
  const history = new History();
  const pipeline = new Pipeline(trainer.model.ownStream);
  try {
    const all = new SampleSet("fit", model, x, y, options.sampleWeight);
    sets.push(all);
    const [training, validation] = splitSamples(all, model, options, sets);
    const output = model.outputsFor(training.x);
    for (const set of validation ? [training, validation] : [training]) {
      trainer.checkTargets("fit", set, output);
      await trainer.checkTargetValues("fit", set.y!, output);
    }
    trainer.prepare("fit");
    model.stopTraining = false;
    const { epochs, initialEpoch, signal } = checked;
    const stopped = (): boolean => model.stopTraining || (signal?.aborted ?? false);
    await callbacks.trainBegin();
    for (let epoch = initialEpoch; epoch < epochs && !stopped(); epoch++) {
      await callbacks.epochBegin(epoch);
      const steps = Math.ceil(training.length / checked.batchSize);
      const progress = await makeProgress(checked.verbose, { epoch, epochs, steps });
      try {
        const loop = { trainer, pipeline, callbacks, progress, stopped };
        const whole = await runEpoch(loop, training, checked);
        if (!whole) break;
        const logs = await trainer.logs();
        if (validation) Object.assign(logs, await validate(trainer, pipeline, validation, checked.batchSize));
        await callbacks.epochEnd(epoch, logs);
        progress.end(logs);
        history.record(epoch, logs);
      } finally {
        progress.stop();
      }
    }
    await callbacks.trainEnd();
  } finally {
    await pipeline.abandon();
    trainer.reset();
    for (const set of sets) set.dispose();
  }
  return history;
}

interface Loop {
  readonly trainer: Trainer;
  readonly pipeline: Pipeline;
  readonly callbacks: CallbackList;
  readonly progress: Progress;
  stopped(): boolean;
}

/** One pass over the samples. False when it was stopped before its end. */
async function runEpoch(loop: Loop, samples: SampleSet, options: Checked): Promise<boolean> {
  const { trainer, pipeline, callbacks } = loop;
  const { batchSize } = options;
  const steps = Math.ceil(samples.length / batchSize);
  const report = new Report(loop);
  trainer.reset();
  const order = options.shuffle ? await samples.shuffled() : null;
  try {
    let step = 0;
    for (; step < steps && !loop.stopped(); step++) {
      await callbacks.batchBegin(step);
      await pipeline.run(() => trainer.trainStep(samples, step * batchSize, batchSize, order, options.classWeight));
      await callbacks.batchEnd(step, () => trainer.logs());
      report.passed(step + 1);
    }
    await pipeline.drain();
    await report.finish();
    return step === steps;
  } finally {
    order?.dispose();
  }
}

async function validate(trainer: Trainer, pipeline: Pipeline, samples: SampleSet, batchSize: number): Promise<Logs> {
  const logs = await evaluateSamples(trainer, pipeline, samples, batchSize);
  return Object.fromEntries(Object.entries(logs).map(([name, value]) => [validationName(name), value]));
}

function validationName(name: string): string {
  return `val${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

async function evaluateSamples(
  trainer: Trainer,
  pipeline: Pipeline,
  samples: SampleSet,
  batchSize: number,
): Promise<Logs> {
  trainer.reset();
  for (let start = 0; start < samples.length; start += batchSize) {
    await pipeline.run(() => trainer.testStep(samples, start, batchSize));
  }
  await pipeline.drain();
  return trainer.logs();
}

/** Reads the figures for the progress bar now and then, while the steps go on. */
class Report {
  private readonly loop: Loop;
  private readAt = performance.now();
  private running: Promise<void> | null = null;
  private failure: unknown = null;

  constructor(loop: Loop) {
    this.loop = loop;
  }

  /** @throws the error that the last reading met. */
  passed(steps: number): void {
    if (this.failure !== null) throw this.failure;
    const { wantsLogs } = this.loop.progress;
    if (!wantsLogs || this.running !== null || performance.now() - this.readAt < REPORT_EVERY) return;
    this.running = this.read(steps);
  }

  private async read(steps: number): Promise<void> {
    try {
      this.loop.progress.update(steps, await this.loop.trainer.logs());
    } catch (error) {
      this.failure = error;
    }
    this.readAt = performance.now();
    this.running = null;
  }

  async finish(): Promise<void> {
    await this.running;
    if (this.failure !== null) throw this.failure;
  }
}

export interface EvaluateOptions {
  /** Samples a step; 32 by default. */
  batchSize?: number;
  /** What each sample counts in the loss; see {@link FitOptions}. */
  sampleWeight?: ModelInputs;
  /** 0 is silent; otherwise a line says the result. */
  verbose?: Verbose;
}

/** See {@link Model.evaluate}. */
export async function evaluate(
  trainer: Trainer,
  x: ModelInputs,
  y: ModelInputs,
  options: EvaluateOptions,
): Promise<Logs> {
  checkOptions("evaluate", options, ["batchSize", "sampleWeight", "verbose"]);
  const batchSize = checkPositive("evaluate", "batchSize", options.batchSize ?? 32);
  const verbose = checkVerbose("evaluate", options.verbose ?? "auto");
  const samples = new SampleSet("evaluate", trainer.model, x, y, options.sampleWeight);
  const pipeline = new Pipeline(trainer.model.ownStream);
  try {
    const output = trainer.model.outputsFor(samples.x);
    trainer.checkTargets("evaluate", samples, output);
    await trainer.checkTargetValues("evaluate", samples.y!, output);
    const start = performance.now();
    const logs = await evaluateSamples(trainer, pipeline, samples, batchSize);
    if (verbose !== 0) console.log(resultLine(Math.ceil(samples.length / batchSize), performance.now() - start, logs));
    return logs;
  } finally {
    await pipeline.abandon();
    trainer.reset();
    samples.dispose();
  }
}

function checkFit(options: FitOptions, outputs: number): Checked {
  checkOptions("fit", options, FIT_OPTIONS);
  const { signal, validationSplit, validationData, sampleWeight, classWeight } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw wrong("fit", "signal", signal, "an AbortSignal");
  if (validationSplit !== undefined) checkRange("fit", "validationSplit", validationSplit, 0, 1);
  const isPair = Array.isArray(validationData) && (validationData.length === 2 || validationData.length === 3);
  if (validationData !== undefined && !isPair) {
    throw wrong("fit", "validationData", validationData, "[x, y] or [x, y, sampleWeight]");
  }
  if (sampleWeight !== undefined && classWeight !== undefined) {
    throw new ArgumentError("fit: sampleWeight and classWeight are both given: expected one of them");
  }
  return {
    epochs: checkPositive("fit", "epochs", options.epochs ?? 1),
    batchSize: checkPositive("fit", "batchSize", options.batchSize ?? 32),
    shuffle: checkBoolean("fit", "shuffle", options.shuffle ?? true),
    initialEpoch: checkInteger("fit", "initialEpoch", options.initialEpoch ?? 0, 0),
    verbose: checkVerbose("fit", options.verbose ?? "auto"),
    signal,
    classWeight: classWeight === undefined ? null : new ClassWeight("fit", classWeight, outputs),
  };
}

/** What to train on, and what to validate with. Sets that are made on the way are added to `made`. */
function splitSamples(
  all: SampleSet,
  model: AnyModel,
  options: FitOptions,
  made: SampleSet[],
): [SampleSet, SampleSet | null] {
  const keep = (set: SampleSet): SampleSet => {
    made.push(set);
    return set;
  };
  if (options.validationData) {
    const [x, y, sampleWeight] = options.validationData;
    return [all, keep(new SampleSet("fit: validationData", model, x, y, sampleWeight))];
  }
  const { validationSplit = 0 } = options;
  if (validationSplit === 0) return [all, null];
  const count = Math.floor(all.length * (1 - validationSplit));
  if (count === 0 || count === all.length) {
    throw new ArgumentError(
      `fit: validationSplit leaves one part empty: ${validationSplit} of ${all.length} samples, expected some in both`,
    );
  }
  return [keep(all.part("fit", model, 0, count)), keep(all.part("fit", model, count, all.length))];
}

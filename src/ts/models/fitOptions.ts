import { Dataset } from "../data/dataset.js";
import { checkBoolean, checkOptions, checkPositive, checkRange, wrong } from "../checks.js";
import { ArgumentError } from "../errors.js";
import { checkInteger } from "../ops/arguments.js";
import { checkEnds, DatasetBatches, SampleBatches, type Batches, type TrainingData } from "./batches.js";
import type { Callback } from "./callbacks.js";
import { bothGiven, ClassWeight } from "./classWeight.js";
import { refuseWithDataset } from "./evaluate.js";
import type { Verbose } from "./progress.js";
import { SampleSet, type ModelInputs } from "./samples.js";
import type { Trainer } from "./trainer.js";

export interface TrainOptions {
  /** How often all samples are passed, together with `initialEpoch`: the last epoch's number. 1 by default. */
  epochs?: number;
  /** Samples a step; 32 by default. A dataset has its own batches. */
  batchSize?: number;
  /** What each epoch ends with an evaluation of: [x, y], or [x, y, sampleWeight], or a dataset. */
  validationData?: readonly [ModelInputs, ModelInputs, ModelInputs?] | Dataset<unknown>;
  /** In place of `validationData`: the part of the samples, taken from the end before shuffling, that is kept for it. */
  validationSplit?: number;
  /** Whether each epoch takes the samples in another order; true by default. A dataset has its own order. */
  shuffle?: boolean;
  /**
   * Ends each epoch after so many batches. The next one goes on from there; after the last batch the first follows. By default
   * an epoch has all batches; it must be given for a dataset that never ends.
   */
  stepsPerEpoch?: number;
  /** What each sample counts in the loss: [samples], or [samples, time] for sequences; for several outputs one for all, or each its own. */
  sampleWeight?: ModelInputs;
  /** In place of `sampleWeight`: what the samples of a class count, 1 if it is not named. Validation counts all alike. */
  classWeight?: Readonly<Record<number, number>>;
  callbacks?: readonly Callback[];
  /** Ends the training after the running batch. The epoch that it cuts off is not in the History. */
  signal?: AbortSignal;
  /** The number of the first epoch; 0 by default. */
  initialEpoch?: number;
}

export interface FitOptions extends TrainOptions {
  /** 0 is silent, 1 a progress bar on a terminal and a line an epoch elsewhere (as "auto", the default), 2 the lines. */
  verbose?: Verbose;
}

const TRAIN_OPTIONS = [
  "epochs",
  "batchSize",
  "validationData",
  "validationSplit",
  "shuffle",
  "stepsPerEpoch",
  "sampleWeight",
  "classWeight",
  "callbacks",
  "signal",
  "initialEpoch",
];

/** The options of a training, checked. */
export interface Checked {
  readonly epochs: number;
  readonly initialEpoch: number;
  readonly batchSize: number;
  readonly shuffle: boolean;
  /** Null when a pass is an epoch. */
  readonly stepsPerEpoch: number | null;
  readonly classWeight: ClassWeight | null;
  readonly signal: AbortSignal | undefined;
}

/** @param own the options that only this caller has. @throws ArgumentError */
export function checkTraining(
  op: string,
  options: TrainOptions,
  data: TrainingData,
  outputs: number,
  own: readonly string[],
): Checked {
  checkOptions(op, options, [...TRAIN_OPTIONS, ...own]);
  const { signal, validationSplit, validationData, stepsPerEpoch, sampleWeight, classWeight } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw wrong(op, "signal", signal, "an AbortSignal");
  if (validationSplit !== undefined) checkRange(op, "validationSplit", validationSplit, 0, 1);
  if (validationData !== undefined && !(validationData instanceof Dataset)) {
    const { length } = Array.isArray(validationData) ? validationData : [];
    if (length !== 2 && length !== 3) {
      throw wrong(op, "validationData", validationData, "[x, y], [x, y, sampleWeight] or a dataset");
    }
  }
  if (data instanceof Dataset) {
    refuseWithDataset(op, options, ["batchSize", "shuffle", "validationSplit", "sampleWeight"]);
  }
  if (sampleWeight !== undefined && classWeight !== undefined) throw bothGiven(op);
  return {
    epochs: checkPositive(op, "epochs", options.epochs ?? 1),
    batchSize: checkPositive(op, "batchSize", options.batchSize ?? 32),
    shuffle: checkBoolean(op, "shuffle", options.shuffle ?? true),
    stepsPerEpoch: stepsPerEpoch === undefined ? null : checkPositive(op, "stepsPerEpoch", stepsPerEpoch),
    initialEpoch: checkInteger(op, "initialEpoch", options.initialEpoch ?? 0, 0),
    signal,
    classWeight: classWeight === undefined ? null : new ClassWeight(op, classWeight, outputs),
  };
}

/** What to train on, and what to validate with. */
export interface Sources {
  readonly training: Batches;
  readonly validation: Batches | null;
  /** The samples that `training` and `validation` are parts of. */
  dispose(): void;
}

/** @throws ArgumentError for data that do not fit together. */
export function makeSources(
  op: string,
  trainer: Trainer,
  data: TrainingData,
  options: TrainOptions,
  { batchSize, shuffle, stepsPerEpoch }: Checked,
): Sources {
  const { model } = trainer;
  const { validationData: given, validationSplit = 0 } = options;
  const made: SampleSet[] = [];
  const keep = (set: SampleSet): SampleSet => {
    made.push(set);
    return set;
  };
  const dispose = (): void => {
    for (const set of made) set.dispose();
  };
  const validationOp = `${op}: validationData`;
  try {
    let validation: Batches | null = null;
    if (given instanceof Dataset) validation = new DatasetBatches(validationOp, model, given, trainer);
    else if (given) {
      const set = keep(new SampleSet(validationOp, model, given[0], given[1], given[2]));
      validation = new SampleBatches(validationOp, trainer, set, batchSize, false);
    }
    if (validation) checkEnds(validationOp, validation);
    if (data instanceof Dataset) {
      const training = new DatasetBatches(op, model, data, trainer);
      if (training.steps === Infinity && stepsPerEpoch === null) {
        throw new ArgumentError(`${op}: the dataset never ends: expected stepsPerEpoch, or one that ends`);
      }
      return { training, validation, dispose };
    }
    const all = keep(new SampleSet(op, model, data.x, data.y, options.sampleWeight));
    if (given || validationSplit === 0) {
      return { training: new SampleBatches(op, trainer, all, batchSize, shuffle), validation, dispose };
    }
    const count = Math.floor(all.length * (1 - validationSplit));
    if (count === 0 || count === all.length) {
      throw new ArgumentError(
        `${op}: validationSplit leaves one part empty: ${validationSplit} of ${all.length} samples, expected some in both`,
      );
    }
    const [first, last] = [keep(all.part(op, model, 0, count)), keep(all.part(op, model, count, all.length))];
    return {
      training: new SampleBatches(op, trainer, first, batchSize, shuffle),
      validation: new SampleBatches(op, trainer, last, batchSize, false),
      dispose,
    };
  } catch (error) {
    dispose();
    throw error;
  }
}

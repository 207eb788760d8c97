import { Dataset } from "../data/dataset.js";
import { dispose, type Held } from "../data/source.js";
import { ArgumentError, describe } from "../errors.js";
import type { BatchShape } from "../layers/batchShape.js";
import type { AnyModel } from "./model.js";
import { SampleSet, type Batch, type ModelInputs } from "./samples.js";
import type { Trainer } from "./trainer.js";

/** Makes a batch inside the step that uses it, whose tensors go with the step. */
export type MakeBatch = () => Batch;

/** Where the batches of training, evaluation and prediction come from. */
export interface Batches {
  /** How many a pass has: Infinity when it never ends, null when only a pass will tell. */
  readonly steps: number | null;
  /** How many samples a pass has, if that is known. */
  readonly samples: number | null;
  /** Builds the model, and checks what can be checked before the first step. */
  open(): Promise<void>;
  pass(): AsyncGenerator<MakeBatch, void, void>;
  close(): Promise<void>;
}

/** The batches of samples that are all there. */
export class SampleBatches implements Batches {
  readonly steps: number;
  readonly samples: number;
  private readonly op: string;
  /** Null where no targets are needed. */
  private readonly trainer: Trainer | null;
  private readonly set: SampleSet;
  private readonly batchSize: number;
  private readonly shuffle: boolean;

  constructor(op: string, trainer: Trainer | null, set: SampleSet, batchSize: number, shuffle: boolean) {
    this.op = op;
    this.trainer = trainer;
    this.set = set;
    this.batchSize = batchSize;
    this.shuffle = shuffle;
    this.samples = set.length;
    this.steps = Math.ceil(set.length / batchSize);
  }

  async open(): Promise<void> {
    if (this.trainer === null) return;
    const outputs = this.trainer.model.outputsFor(this.set.x);
    this.trainer.checkTargets(this.op, this.set, outputs);
    await this.trainer.checkTargetValues(this.op, this.set.y!, outputs);
  }

  async *pass(): AsyncGenerator<MakeBatch, void, void> {
    const { set, batchSize } = this;
    const order = this.shuffle ? await set.shuffled() : null;
    try {
      for (let start = 0; start < set.length; start += batchSize) yield () => set.batch(start, batchSize, order);
    } finally {
      order?.dispose();
    }
  }

  async close(): Promise<void> {
    this.set.dispose();
  }
}

/** The elements of a dataset, each a batch. */
export class DatasetBatches implements Batches {
  readonly steps: number | null;
  readonly samples = null;
  private readonly op: string;
  private readonly model: AnyModel;
  private readonly dataset: Dataset<unknown>;
  /** Null where no targets are needed. */
  private readonly trainer: Trainer | null;
  /** The pass whose first element was looked at. */
  private begun: { elements: AsyncGenerator<Held, void, void>; first: Held } | null = null;
  private outputs: readonly BatchShape[] = [];

  constructor(op: string, model: AnyModel, dataset: Dataset<unknown>, trainer: Trainer | null) {
    this.op = op;
    this.model = model;
    this.dataset = dataset;
    this.trainer = trainer;
    this.steps = dataset.size;
  }

  async open(): Promise<void> {
    const elements = this.elements();
    const first = await elements.next();
    if (first.done) throw new ArgumentError(`${this.op}: the dataset is empty: it gave no batch`);
    this.begun = { elements, first: first.value };
    const samples = this.unpack(first.value);
    try {
      this.outputs = this.model.outputsFor(samples.x);
      this.check(samples);
    } finally {
      samples.dispose();
    }
  }

  async *pass(): AsyncGenerator<MakeBatch, void, void> {
    const { elements, first } = this.begun ?? { elements: this.elements(), first: null };
    this.begun = null;
    try {
      if (first) yield* this.step(first);
      for await (const element of elements) yield* this.step(element);
    } finally {
      await elements.return();
    }
  }

  async close(): Promise<void> {
    if (this.begun === null) return;
    dispose(this.begun.first);
    await this.begun.elements.return();
    this.begun = null;
  }

  private async *elements(): AsyncGenerator<Held, void, void> {
    const { source } = this.dataset;
    const stream = this.model.ownStream;
    for await (const item of source.open(stream)) yield source.one(item, stream);
  }

  private *step(element: Held): Generator<MakeBatch, void, void> {
    try {
      yield () => this.batch(element);
    } finally {
      dispose(element);
    }
  }

  private batch(element: Held): Batch {
    const samples = this.unpack(element);
    try {
      this.check(samples);
      return samples.batch(0, samples.length, null);
    } finally {
      samples.dispose();
    }
  }

  private check(samples: SampleSet): void {
    this.trainer?.checkTargets(this.op, samples, this.outputs);
  }

  /** @throws ArgumentError for an element that is not what it should be. */
  private unpack({ value }: Held): SampleSet {
    const parts = (Array.isArray(value) ? value : [value]) as ModelInputs[];
    const [x, y = null, weights = null] = parts;
    if (parts.length > 3 || x === undefined || (this.trainer && y === null)) {
      const expected = this.trainer ? "[x, y] or [x, y, sampleWeight]" : "x or [x, …]";
      throw new ArgumentError(
        `${this.op}: an element of the dataset is wrong: ${describe(value)}, expected ${expected}`,
      );
    }
    return new SampleSet(this.op, this.model, x, this.trainer ? y : null, this.trainer ? weights : null);
  }
}

/** @throws ArgumentError for a dataset without end. */
export function checkEnds(op: string, { steps }: Batches): void {
  if (steps === Infinity) {
    throw new ArgumentError(`${op}: the dataset never ends: expected one that does, as take(n) makes it`);
  }
}

/** What a model learns from or is tried on: arrays with targets, or a dataset that has both in its elements. */
export type TrainingData = { readonly x: ModelInputs; readonly y: ModelInputs } | Dataset<unknown>;

/**
 * Tells apart the arguments `(x, y, options)` and `(dataset, options)`.
 *
 * @throws ArgumentError for targets beside a dataset.
 */
export function splitArguments<O extends object>(
  op: string,
  x: ModelInputs | Dataset<unknown>,
  second: ModelInputs | O | undefined,
  third: O | undefined,
): { data: TrainingData; options: O } {
  if (!(x instanceof Dataset)) return { data: { x, y: second as ModelInputs }, options: third ?? ({} as O) };
  const isOptions = second === undefined || Object.getPrototypeOf(second) === Object.prototype;
  if (isOptions && third === undefined) return { data: x, options: (second as O | undefined) ?? ({} as O) };
  throw new ArgumentError(
    `${op}: a dataset has its targets inside: ${describe(second)} is given beside it, expected ${op}(dataset, options)`,
  );
}

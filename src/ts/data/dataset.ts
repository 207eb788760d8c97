import { checkBoolean, checkOptions, checkPositive, wrong } from "../checks.js";
import { currentStream } from "../device.js";
import { ArgumentError } from "../errors.js";
import { checkInteger } from "../ops/arguments.js";
import { tensor } from "../ops/creation.js";
import { takeRandom } from "../random.js";
import { Tensor } from "../tensor.js";
import { leavesOf, mapLeaves, type DatasetElement, type TensorsOf } from "./element.js";
import { batched, mapped, prefetched, repeated, shuffled, skipped, taken } from "./passes.js";
import { Philox } from "./permutation.js";
import { heldSource, rowSource, type Source } from "./source.js";

export type { DatasetElement, Leaf, Part, TensorsOf } from "./element.js";

export interface ShuffleOptions {
  /** Makes the orders the same in every run; by default they come from the generator of `setSeed`. */
  seed?: number;
  /** Whether each pass has another order; true by default. */
  reshuffleEachIteration?: boolean;
}

export interface BatchOptions {
  /** Whether a last batch of fewer elements is left out; false by default. */
  dropRemainder?: boolean;
}

/**
 * Elements that come one after another, as often as they are asked for: what `fit`, `evaluate` and `predict` take in place of
 * arrays, and what `for await` passes through. Each method gives another dataset; nothing is computed before a pass.
 *
 * To train on it, the elements must be batches: [x, y] or [x, y, sampleWeight]. An array at the top of an element always lists
 * such parts; a part is a tensor, a number, an array of numbers, or for several inputs a list or record of tensors.
 *
 * What a dataset makes is released once `fit`, `evaluate` or `predict` have used it. Tensors that a generator yields stay the generator's.
 */
export class Dataset<E = DatasetElement> implements AsyncIterable<E> {
  /** How many elements a pass has: Infinity when it never ends, null when only a pass will tell. */
  readonly size: number | null;
  /** @internal */
  readonly source: Source;

  private constructor(source: Source, size: number | null) {
    this.source = source;
    this.size = size;
  }

  /**
   * The samples of tensors or arrays, whose first axis counts them, one by one.
   *
   * @throws ArgumentError when the lengths differ, or something has no such axis.
   */
  static fromTensors<const T extends DatasetElement>(tensors: T): Dataset<TensorsOf<T>> {
    const op = "Dataset.fromTensors";
    const { device } = currentStream();
    const element = mapLeaves(tensors, (leaf) => {
      const whole = leaf instanceof Tensor ? leaf.detach() : tensor(leaf, { device });
      if (whole.rank === 0) throw new ArgumentError(`${op}: a tensor has no axis that counts samples: its shape is []`);
      return whole;
    });
    const lengths = (leavesOf(element) as Tensor[]).map(({ shape }) => shape[0]!);
    if (lengths.length === 0) throw wrong(op, "tensors", tensors, "tensors or arrays");
    if (lengths.some((length) => length !== lengths[0])) {
      throw new ArgumentError(`${op}: the tensors have different lengths: ${lengths.join(", ")} samples`);
    }
    return new Dataset(rowSource(element, lengths[0]!), lengths[0]!);
  }

  /**
   * What a generator yields; each pass calls the function again. It may be asynchronous. An error that it throws rejects what
   * passes through the dataset.
   *
   * @throws ArgumentError when `generator` is no function.
   */
  static fromGenerator<T extends DatasetElement>(generator: () => Iterable<T> | AsyncIterable<T>): Dataset<T> {
    const op = "Dataset.fromGenerator";
    if (typeof generator !== "function") throw wrong(op, "generator", generator, "a function that gives an iterator");
    return fromIterable(() => {
      const iterable = generator();
      if (isIterable(iterable)) return iterable;
      throw wrong(op, "the generator's result", iterable, "an iterator, as of function* or async function*");
    });
  }

  /**
   * What an asynchronous iterable, such as a stream of Node's, or any other one gives. Many can be passed through only once.
   *
   * @throws ArgumentError when it is none.
   */
  static fromAsyncIterable<T extends DatasetElement>(iterable: AsyncIterable<T> | Iterable<T>): Dataset<T> {
    if (!isIterable(iterable))
      throw wrong("Dataset.fromAsyncIterable", "iterable", iterable, "an asynchronous iterable");
    return fromIterable(() => iterable);
  }

  /** @internal */
  static of<T>(source: Source, size: number | null): Dataset<T> {
    return new Dataset(source, size);
  }

  /**
   * In random order: each element is drawn from a buffer of the next ones. A buffer as large as the dataset, the default where
   * its size is known, makes all orders equally probable.
   */
  shuffle(bufferSize?: number, options: ShuffleOptions = {}): Dataset<E> {
    const op = "Dataset.shuffle";
    checkOptions(op, options, ["seed", "reshuffleEachIteration"]);
    if (bufferSize === undefined && (this.size === null || this.size === Infinity)) {
      throw new ArgumentError(`${op}: the size of the dataset is not known: expected a bufferSize`);
    }
    const size = checkPositive(op, "bufferSize", bufferSize ?? Math.max(1, this.size!));
    const seed = options.seed === undefined ? null : checkInteger(op, "seed", options.seed, 0);
    const anew = checkBoolean(op, "reshuffleEachIteration", options.reshuffleEachIteration ?? true);
    const { source } = this;
    const own = (): number => takeSeed();
    let passes = 0;
    let first: number | null = null;
    const random = (): Philox => {
      if (anew) return seed === null ? new Philox(own()) : new Philox(seedOf(seed, passes++));
      return new Philox((first ??= seed ?? own()));
    };
    return this.reordered((stream) => shuffled(source.open(stream), size, random(), source.drop), this.size);
  }

  /** Several elements as one, whose tensors are stacked along a new first axis. Arrays and numbers become tensors. */
  batch(batchSize: number, options: BatchOptions = {}): Dataset<TensorsOf<E>> {
    const op = "Dataset.batch";
    checkPositive(op, "batchSize", batchSize);
    checkOptions(op, options, ["dropRemainder"]);
    const dropRemainder = checkBoolean(op, "dropRemainder", options.dropRemainder ?? false);
    const { source, size } = this;
    const round = dropRemainder ? Math.floor : Math.ceil;
    return Dataset.of(
      heldSource((stream) => batched(source, stream, batchSize, dropRemainder)),
      size === null ? null : round(size / batchSize),
    );
  }

  /**
   * What a function makes of each element. Tensors that it makes on the way are released, as in `tidy`. It may be asynchronous;
   * then they are found later.
   */
  map<R extends DatasetElement>(fn: (element: E) => R | Promise<R>): Dataset<R> {
    if (typeof fn !== "function") throw wrong("Dataset.map", "fn", fn, "a function");
    const { source } = this;
    return Dataset.of(
      heldSource((stream) => mapped(source, stream, fn)),
      this.size,
    );
  }

  /** The same elements, of which so many are asked for before they are wanted: what is slow to come then costs less waiting. */
  prefetch(bufferSize: number): Dataset<E> {
    checkPositive("Dataset.prefetch", "bufferSize", bufferSize);
    const { source } = this;
    return this.reordered((stream) => prefetched(source.open(stream), bufferSize, source.drop), this.size);
  }

  /** The first elements. */
  take(count: number): Dataset<E> {
    checkPositive("Dataset.take", "count", count);
    const { source, size } = this;
    return this.reordered((stream) => taken(source.open(stream), count), size === null ? null : Math.min(size, count));
  }

  /** All but the first elements. */
  skip(count: number): Dataset<E> {
    checkInteger("Dataset.skip", "count", count, 0);
    const { source, size } = this;
    return this.reordered(
      (stream) => skipped(source.open(stream), count, source.drop),
      size === null ? null : Math.max(0, size - count),
    );
  }

  /** All elements again and again, by default without end. */
  repeat(count = Infinity): Dataset<E> {
    if (count !== Infinity) checkPositive("Dataset.repeat", "count", count);
    const { source, size } = this;
    const total = size === 0 ? 0 : (size ?? (count === Infinity ? 1 : NaN)) * count;
    return this.reordered((stream) => repeated(() => source.open(stream), count), Number.isNaN(total) ? null : total);
  }

  /** One pass. The tensors in its elements become the caller's. */
  async *[Symbol.asyncIterator](): AsyncGenerator<E, void, void> {
    const stream = currentStream();
    for await (const item of this.source.open(stream)) yield this.source.one(item, stream).value as E;
  }

  private reordered(open: Source["open"], size: number | null): Dataset<E> {
    return Dataset.of<E>({ ...this.source, open }, size);
  }
}

function fromIterable<T>(open: () => Iterable<T> | AsyncIterable<T>): Dataset<T> {
  return Dataset.of(
    heldSource(async function* () {
      for await (const value of open()) yield { value, owned: [] };
    }),
    null,
  );
}

function isIterable(value: unknown): boolean {
  return typeof value === "object" && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value);
}

/** A seed from the generator of `setSeed`. */
function takeSeed(): number {
  const { seed, counter } = takeRandom(1);
  return seedOf(seed, counter);
}

/** Another seed for each number, so that streams of any length do not overlap. */
function seedOf(seed: number, number: number): number {
  const random = new Philox(seed, number);
  return random.next() * 2 ** 21 + (random.next() >>> 11);
}

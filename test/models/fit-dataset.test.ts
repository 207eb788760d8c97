import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import {
  ArgumentError,
  IndexError,
  ShapeError,
  data,
  memory,
  setSeed,
  tensor,
  type Callback,
  type TrainEvent,
} from "nabla";
import { classifier, quadrants, weightsOf } from "../support/quadrants.js";

const { Dataset } = data;
const { x, y, labels } = quadrants(70);
const points = x.toArraySync() as number[][];
const samples = Dataset.fromTensors([x, y]);
const silent = { verbose: 0 } as const;

/** The samples as plain numbers. */
const generated = (): data.Dataset<readonly [number[], number]> =>
  Dataset.fromGenerator(function* () {
    for (let i = 0; i < 70; i++) yield [points[i]!, labels[i]!] as const;
  });

describe("fit with a dataset", () => {
  it("trains as with the arrays that are in it", async () => {
    const train = async (...given: unknown[]): Promise<unknown> => {
      setSeed(3);
      const model = classifier();
      const { history } = await (model.fit as (...args: unknown[]) => ReturnType<typeof model.fit>)(...given);
      return [history, weightsOf(model)];
    };
    const expected = await train(x, y, { epochs: 3, shuffle: false, validationData: [x, y], ...silent });
    const options = { epochs: 3, validationData: samples.batch(32), ...silent };
    expect(await train(samples.batch(32), options)).toEqual(expected);
    expect(await train(generated().batch(32), options)).toEqual(expected);
    expect(
      await train(
        generated()
          .map(([a, b]) => [tensor(a), b] as const)
          .batch(32)
          .prefetch(2),
        options,
      ),
    ).toEqual(expected);
  });

  it("weighs by the elements and by classes", async () => {
    const weights = Float32Array.from(labels, (label) => [0.5, 2, 1, 1][label]!);
    const train = async (...given: unknown[]): Promise<unknown> => {
      setSeed(3);
      const model = classifier();
      await (model.fit as (...args: unknown[]) => Promise<unknown>)(...given);
      return weightsOf(model);
    };
    const expected = await train(x, y, { shuffle: false, sampleWeight: weights, ...silent });
    expect(await train(Dataset.fromTensors([x, y, weights]).batch(32), silent)).toEqual(expected);
    expect(await train(samples.batch(32), { classWeight: { 0: 0.5, 1: 2 }, ...silent })).toEqual(expected);
    await expect(
      train(Dataset.fromTensors([x, y, weights]).batch(32), { classWeight: { 0: 2 }, ...silent }),
    ).rejects.toThrow("fit: sampleWeight and classWeight are both given: expected one of them");
  });

  it("goes on from epoch to epoch with stepsPerEpoch", async () => {
    const model = classifier();
    let pulled = 0;
    const endless = Dataset.fromGenerator(function* () {
      for (;;) {
        pulled++;
        yield [x, y] as const;
      }
    });
    const { epoch } = await model.fit(endless, { epochs: 3, stepsPerEpoch: 2, ...silent });
    expect([epoch, pulled, model.optimizer!.iterations]).toEqual([[0, 1, 2], 6, 6]);
    // Three batches a pass, two a epoch: the second epoch begins with the third batch.
    const seen: number[] = [];
    const three = samples
      .map((each) => each)
      .batch(32)
      .map((each) => (seen.push(each[0].shape[0]!), each));
    await model.fit(three, { epochs: 3, stepsPerEpoch: 2, ...silent });
    expect(seen).toEqual([32, 32, 6, 32, 32, 6]);
    await model.fit(x, y, { epochs: 2, stepsPerEpoch: 2, ...silent });
    expect(model.optimizer!.iterations).toBe(16);
  });

  it("keeps no tensors, and the event loop free", async () => {
    const model = classifier();
    const dataset = generated()
      .shuffle(20)
      .batch(8)
      .map(([a, b]) => [a.mul(1), b] as const)
      .prefetch(2);
    const options = { epochs: 2, validationData: samples.batch(32), ...silent };
    await model.fit(dataset, options);
    const { tensors } = memory();
    let turns = 0;
    let immediate = setImmediate(function turn() {
      turns++;
      immediate = setImmediate(turn);
    });
    await model.fit(dataset, { ...options, epochs: 20 });
    clearImmediate(immediate);
    expect(turns).toBeGreaterThan(5);
    expect(memory().tensors).toBe(tensors);
    await model.evaluate(dataset, silent);
    (await model.predict(dataset)).dispose();
    expect(memory().tensors).toBe(tensors);
  });

  it("rejects with the error of a generator, and leaves the model usable", async () => {
    const model = classifier();
    await model.fit(samples.batch(8), silent);
    const { tensors } = memory();
    const failing = Dataset.fromGenerator(async function* () {
      yield* [0, 1, 2].map(() => [points, labels] as const);
      await sleep(1);
      throw new Error("the disk is gone");
    });
    await expect(model.fit(failing.prefetch(2), silent)).rejects.toThrow("the disk is gone");
    expect(model.optimizer!.iterations).toBe(9 + 3);
    expect(model.weights.every((weight) => weight.grad === null)).toBe(true);
    expect(memory().tensors).toBe(tensors);
    await model.fit(samples.batch(8), silent);
  });

  it("stops by a signal after the running batch, and closes the generator", async () => {
    const model = classifier();
    const controller = new AbortController();
    let closed = false;
    const endless = Dataset.fromGenerator(function* () {
      try {
        for (;;) yield [points, labels] as const;
      } finally {
        closed = true;
      }
    });
    const callback: Callback = { onTrainBatchEnd: (batch) => void (batch === 3 && controller.abort()) };
    const options = { stepsPerEpoch: 10, callbacks: [callback], signal: controller.signal, ...silent };
    const { epoch } = await model.fit(endless, options);
    expect([epoch, model.optimizer!.iterations, closed]).toEqual([[], 4, true]);
  });
});

describe("evaluate and predict with a dataset", () => {
  it("give what they give for arrays", async () => {
    const model = classifier();
    expect(await model.evaluate(samples.batch(32), silent)).toEqual(await model.evaluate(x, y, silent));
    const expected = (await model.predict(x)).dataSync();
    expect((await model.predict(samples.batch(32))).dataSync()).toEqual(expected);
    expect((await model.predict(Dataset.fromTensors(x).batch(32))).dataSync()).toEqual(expected);
  });
});

describe("train", () => {
  it("gives the events of fit, whose loop it is", async () => {
    setSeed(3);
    const model = classifier();
    const events: TrainEvent[] = [];
    for await (const event of model.train(samples.batch(32), { epochs: 2, validationData: [x, y] })) {
      if (event.type === "batchEnd" && event.batch === 2) {
        const { loss } = await event.logs();
        expect(loss).toBeGreaterThan(0);
      }
      events.push(event);
    }
    const names = events.map(({ type, epoch }) => `${type} ${epoch}`);
    const ofEpoch = (epoch: number): string[] =>
      ["epochBegin", "batchEnd", "batchEnd", "batchEnd", "epochEnd"].map((type) => `${type} ${epoch}`);
    expect(names).toEqual([...ofEpoch(0), ...ofEpoch(1)]);
    expect(events[0]).toEqual({ type: "epochBegin", epoch: 0, steps: 3 });
    setSeed(3);
    const other = classifier();
    const { history } = await other.fit(x, y, { epochs: 2, shuffle: false, validationData: [x, y], ...silent });
    const logs = events.flatMap((event) => (event.type === "epochEnd" ? [event.logs] : []));
    expect(logs.map(({ valLoss }) => valLoss)).toEqual(history["valLoss"]);
    expect(weightsOf(model)).toEqual(weightsOf(other));
  });

  it("ends cleanly where the loop is left", async () => {
    const model = classifier();
    await model.fit(samples.batch(8), silent);
    const { tensors } = memory();
    const calls: string[] = [];
    const callback: Callback = {
      onTrainEnd: () => void calls.push("end"),
      onEpochEnd: () => void calls.push("epoch"),
    };
    for await (const event of model.train(samples.shuffle().batch(8).prefetch(2), { callbacks: [callback] })) {
      if (event.type === "batchEnd" && event.batch === 3) break;
    }
    expect(calls).toEqual(["end"]);
    expect(model.optimizer!.iterations).toBe(9 + 4);
    expect(memory().tensors).toBe(tensors);
    await model.fit(samples.batch(8), silent);
  });

  it("holds the model while it runs", async () => {
    const model = classifier();
    const events = model.train(x, y);
    await events.next();
    await expect(model.fit(x, y, silent)).rejects.toThrow(/is training or evaluating already/);
    await events.return();
    await model.fit(x, y, silent);
    await expect(model.train(x, y, { verbose: 0 } as never).next()).rejects.toThrow('train: unknown option: "verbose"');
  });
});

describe("bad datasets are refused", () => {
  const batches = samples.batch(32);
  const once = Dataset.fromAsyncIterable(batches[Symbol.asyncIterator]());
  it.each<[string, unknown[], new (...args: never[]) => Error, string]>([
    [
      "targets beside it",
      [batches, y],
      ArgumentError,
      "fit: a dataset has its targets inside: Tensor is given beside it",
    ],
    [
      "options twice",
      [batches, {}, {}],
      ArgumentError,
      "fit: a dataset has its targets inside: Object is given beside it",
    ],
    [
      "batchSize",
      [batches, { batchSize: 3 }],
      ArgumentError,
      "fit: batchSize does not go with a dataset: its elements are batches",
    ],
    ["shuffle", [batches, { shuffle: true }], ArgumentError, "fit: shuffle does not go with a dataset"],
    ["sampleWeight", [batches, { sampleWeight: y }], ArgumentError, "fit: sampleWeight does not go with a dataset"],
    [
      "validationSplit",
      [batches, { validationSplit: 0.5 }],
      ArgumentError,
      "fit: validationSplit does not go with a dataset",
    ],
    [
      "stepsPerEpoch",
      [batches, { stepsPerEpoch: 0 }],
      ArgumentError,
      "fit: stepsPerEpoch is wrong: 0, expected a positive integer",
    ],
    [
      "no end",
      [batches.repeat()],
      ArgumentError,
      "fit: the dataset never ends: expected stepsPerEpoch, or one that ends",
    ],
    [
      "a validation without end",
      [batches, { validationData: batches.repeat() }],
      ArgumentError,
      "fit: validationData: the dataset never ends: expected one that does, as take(n) makes it",
    ],
    ["nothing in it", [batches.skip(9)], ArgumentError, "fit: the dataset is empty: it gave no batch"],
    [
      "no targets",
      [Dataset.fromTensors(x).batch(32)],
      ArgumentError,
      "fit: an element of the dataset is wrong: Tensor, expected [x, y] or [x, y, sampleWeight]",
    ],
    ["single samples", [samples], ArgumentError, "fit: y has no axis that counts samples: its shape is []"],
    [
      "targets of another shape",
      [Dataset.fromTensors([x, x]).batch(32)],
      ShapeError,
      "fit: the targets do not fit the model: y is [32,2], the output is [null,4]",
    ],
    [
      "the end of one pass",
      [once, { epochs: 2 }],
      ArgumentError,
      "fit: the dataset has ended: it gave no batch in epoch 1",
    ],
    [
      "the end within an epoch",
      [Dataset.fromAsyncIterable(batches[Symbol.asyncIterator]()), { stepsPerEpoch: 5 }],
      ArgumentError,
      "fit: the dataset has ended: it gave 3 of the 5 batches of an epoch",
    ],
    ["a label out of range", [Dataset.fromTensors([x, new Int32Array(70).fill(4)]).batch(32)], IndexError, "4"],
  ])("%s", async (_, args, type, message) => {
    const model = classifier();
    const [dataset, options = {}, ...more] = args;
    const given =
      type === ArgumentError && message.includes("beside it") ? options : { ...(options as object), ...silent };
    const fit = model.fit as (...all: unknown[]) => Promise<unknown>;
    const failure = await fit.call(model, dataset, given, ...more).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(type);
    expect((failure as Error).message).toContain(message);
    await model.fit(batches, silent);
  });

  it("by evaluate and predict too", async () => {
    const model = classifier();
    await expect(model.evaluate(batches.repeat(), silent)).rejects.toThrow("evaluate: the dataset never ends");
    await expect(model.evaluate(batches, { batchSize: 2 })).rejects.toThrow(
      "evaluate: batchSize does not go with a dataset",
    );
    await expect(model.predict(batches, { batchSize: 2 })).rejects.toThrow(
      "predict: batchSize does not go with a dataset",
    );
    await expect(model.predict(batches.skip(9))).rejects.toThrow("predict: the dataset is empty: it gave no batch");
    await expect(model.predict(Dataset.fromTensors([x, x, x, x]).batch(2))).rejects.toThrow(
      "predict: an element of the dataset is wrong: [Tensor,Tensor,Tensor,Tensor], expected x or [x, …]",
    );
  });
});

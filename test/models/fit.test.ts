import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  ArgumentError,
  Sequential,
  layers,
  losses,
  memory,
  metrics,
  optimizers,
  setSeed,
  type Callback,
  type Tensor,
} from "nabla";
import { classifier, quadrants, weightsOf } from "../support/quadrants.js";

const { Dense } = layers;

describe("fit", () => {
  it("learns, and tells the figures of each epoch", async () => {
    const { x, y } = quadrants(400);
    setSeed(1);
    const model = classifier();
    const result = await model.fit(x, y, { epochs: 15, validationSplit: 0.25, verbose: 0 });
    expect(Object.keys(result.history)).toEqual(["loss", "accuracy", "valLoss", "valAccuracy"]);
    expect(result.epoch).toEqual(Array.from({ length: 15 }, (_, i) => i));
    for (const values of Object.values(result.history)) expect(values).toHaveLength(15);
    expect(result.history["loss"]!.at(-1)).toBeLessThan(result.history["loss"]![0]! / 3);
    expect(result.history["valAccuracy"]!.at(-1)).toBeGreaterThan(0.9);
    const evaluated = await model.evaluate(x.slice([[300, null]]), y.slice([[300, null]]), { verbose: 0 });
    expect(evaluated["loss"]).toBeCloseTo(result.history["valLoss"]!.at(-1)!, 6);
    expect(evaluated["accuracy"]).toBe(result.history["valAccuracy"]!.at(-1));
  });

  it("weighs the last, smaller batch by its size", async () => {
    // With a learning rate of 0 the mean over the batches must be that over the samples.
    const { x, y } = quadrants(10);
    const model = classifier({ optimizer: new optimizers.SGD({ learningRate: 0 }) });
    const whole = await model.evaluate(x, y, { batchSize: 10, verbose: 0 });
    for (const batchSize of [1, 3, 4, 7, 100]) {
      const { history } = await model.fit(x, y, { batchSize, verbose: 0 });
      expect(history["loss"]![0]).toBeCloseTo(whole["loss"]!, 5);
      expect(history["accuracy"]![0]).toBeCloseTo(whole["accuracy"]!, 6);
    }
  });

  it("repeats bit by bit with the seed, and shuffles otherwise", async () => {
    const { x, y } = quadrants(100);
    const train = async (seed: number, shuffle = true): Promise<unknown> => {
      setSeed(3);
      const model = classifier();
      setSeed(seed);
      await model.fit(x, y, { epochs: 2, verbose: 0, shuffle });
      return weightsOf(model);
    };
    const first = await train(1);
    expect(await train(1)).toEqual(first);
    expect(await train(2)).not.toEqual(first);
    expect(await train(1, false)).toEqual(await train(2, false));
  });

  it("takes nested arrays and typed arrays", async () => {
    const { x, y, labels } = quadrants(40);
    const train = async (...data: Parameters<Sequential["fit"]>): Promise<unknown> => {
      setSeed(3);
      const model = classifier();
      await model.fit(...data);
      return weightsOf(model);
    };
    const options = { verbose: 0 } as const;
    const expected = await train(x, y, options);
    const nested = x.toArraySync() as number[][];
    expect(await train(nested, Array.from(labels), options)).toEqual(expected);
    expect(await train(nested, labels, options)).toEqual(expected);
    expect(await train(x, y.reshape([40, 1]), options)).toEqual(expected);
    expect(await train(x, y.cast("uint8"), options)).toEqual(expected);
  });

  it("goes on from initialEpoch, with the optimizer's history", async () => {
    const { x, y } = quadrants(64);
    const model = classifier();
    await model.fit(x, y, { epochs: 2, verbose: 0 });
    const { epoch } = await model.fit(x, y, { epochs: 5, initialEpoch: 2, verbose: 0 });
    expect(epoch).toEqual([2, 3, 4]);
    expect(model.optimizer!.iterations).toBe(10);
  });

  it("leaves frozen layers alone", async () => {
    const { x, y } = quadrants(64);
    const model = classifier();
    model.layers[0]!.trainable = false;
    const [kernel, , head] = weightsOf(model);
    await model.fit(x, y, { verbose: 0 });
    expect(weightsOf(model)[0]).toEqual(kernel);
    expect(weightsOf(model)[2]).not.toEqual(head);
    model.trainable = false;
    await expect(model.fit(x, y, { verbose: 0 })).rejects.toThrow("fit: there is nothing to train");
  });

  it("builds a model without inputShape, and one whose layers do not know their shapes", async () => {
    class Scale extends layers.Layer {
      scale: Tensor | undefined;
      override build(): void {
        this.scale = this.addWeight({ name: "scale", shape: [], initializer: "ones" });
      }
      call(x: Tensor): Tensor {
        return x.mul(this.scale!);
      }
    }
    const { x, y } = quadrants(64);
    const model = new Sequential([new Dense({ units: 4 }), new Scale()]);
    model.compile({ optimizer: "sgd", loss: new losses.SparseCategoricalCrossentropy({ fromLogits: true }) });
    await model.fit(x, y, { verbose: 0 });
    expect(model.weights).toHaveLength(3);
    expect(model.weights[2]!.itemSync()).not.toBe(1);
  });

  it("takes losses and metrics of the user", async () => {
    const { x } = quadrants(64);
    const model = new Sequential([new Dense({ units: 2, inputShape: [2] })]);
    function worst(yTrue: Tensor, yPred: Tensor): Tensor {
      return yTrue.sub(yPred).abs().max({ axis: -1 });
    }
    model.compile({
      optimizer: new optimizers.SGD({ learningRate: 0.1, momentum: 0.9 }),
      loss: (yTrue, yPred) => yTrue.sub(yPred).square().sum({ axis: -1 }),
      metrics: [worst, "meanAbsoluteError", new metrics.MeanSquaredError()],
    });
    const { history } = await model.fit(x, x, { epochs: 80, verbose: 0 });
    expect(Object.keys(history)).toEqual(["loss", "worst", "meanAbsoluteError", "meanSquaredError"]);
    expect(history["worst"]!.at(-1)).toBeLessThan(0.01);
    expect(history["meanSquaredError"]!.at(-1)).toBeCloseTo(history["loss"]!.at(-1)! / 2, 6);
  });
});

describe("while fit runs", () => {
  it("timers fire, and other work gets its turn", async () => {
    const { x, y } = quadrants(2000);
    const model = classifier();
    let ticks = 0;
    let turns = 0;
    const turn = (): void => {
      turns++;
      immediate = setImmediate(turn);
    };
    let immediate = setImmediate(turn);
    const timer = setInterval(() => ticks++, 1);
    await model.fit(x, y, { epochs: 5, batchSize: 4, verbose: 0 });
    clearImmediate(immediate);
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(3);
    expect(turns).toBeGreaterThan(100);
  });

  it("the number of tensors stays the same from step to step, and returns to what it was", async () => {
    const { x, y } = quadrants(320);
    const model = classifier();
    const options = { epochs: 2, batchSize: 32, validationData: [x, y], verbose: 0 } as const;
    await model.fit(x, y, options);
    await model.trainOnBatch(x, y);
    const { tensors } = memory();
    const counts = new Set<number>();
    const callbacks = [{ onTrainBatchEnd: (batch: number) => void (batch > 0 && counts.add(memory().tensors)) }];
    await model.fit(x, y, { ...options, callbacks });
    expect(counts.size).toBe(1);
    expect(memory().tensors).toBe(tensors);
    await model.evaluate(x, y, { verbose: 0 });
    await model.trainOnBatch(x, y);
    expect(memory().tensors).toBe(tensors);
    (await model.predict(x)).dispose();
    expect(memory().tensors).toBe(tensors);
  });

  it("another use of the model is refused", async () => {
    const { x, y } = quadrants(64);
    const model = classifier();
    const first = model.fit(x, y, { verbose: 0 });
    await expect(model.fit(x, y)).rejects.toThrow(/is training or evaluating already: await that first$/);
    await expect(model.trainOnBatch(x, y)).rejects.toThrow(ArgumentError);
    await first;
    await model.trainOnBatch(x, y);
  });
});

describe("stopping", () => {
  it("by a signal ends after the running batch and returns the History", async () => {
    const { x, y } = quadrants(320);
    const model = classifier();
    const controller = new AbortController();
    const batches: number[] = [];
    const callback: Callback = {
      onTrainBatchEnd: (batch) => {
        batches.push(batch);
        if (batches.length === 14) controller.abort();
      },
    };
    const result = await model.fit(x, y, { epochs: 5, callbacks: [callback], signal: controller.signal, verbose: 0 });
    expect(batches.slice(10)).toEqual([0, 1, 2, 3]);
    expect(model.optimizer!.iterations).toBe(14);
    expect(result.epoch).toEqual([0]);
    expect(result.history["loss"]).toHaveLength(1);
  });

  it("before it begins trains nothing", async () => {
    const { x, y } = quadrants(32);
    const model = classifier();
    const before = weightsOf(model);
    const result = await model.fit(x, y, { signal: AbortSignal.abort(), verbose: 0 });
    expect(result.epoch).toEqual([]);
    expect(weightsOf(model)).toEqual(before);
  });

  it("by model.stopTraining ends after the epoch that sets it", async () => {
    const { x, y } = quadrants(64);
    const model = classifier();
    const callback: Callback = {
      onEpochEnd: async (epoch) => {
        await sleep(1);
        model.stopTraining = epoch === 1;
      },
    };
    const { epoch } = await model.fit(x, y, { epochs: 9, callbacks: [callback], verbose: 0 });
    expect(epoch).toEqual([0, 1]);
    expect((await model.fit(x, y, { verbose: 0 })).epoch).toEqual([0]);
  });
});

describe("callbacks", () => {
  it("are called in order, with the figures", async () => {
    const { x, y } = quadrants(64);
    const model = classifier();
    const calls: string[] = [];
    const callback: Callback = {
      setModel: (given) => calls.push(given === model ? "model" : "another model"),
      onTrainBegin: () => void calls.push("train"),
      onEpochBegin: (epoch) => void calls.push(`epoch ${epoch}`),
      onTrainBatchBegin: (batch) => void calls.push(`batch ${batch}`),
      onTrainBatchEnd: (batch) => void calls.push(`batch ${batch} end`),
      onEpochEnd: (epoch, logs) => void calls.push(`epoch ${epoch} end: ${Object.keys(logs).join()}`),
      onTrainEnd: () => void calls.push("end"),
    };
    await model.fit(x, y, { callbacks: [callback], validationData: [x, y], verbose: 0 });
    expect(calls).toEqual([
      "model",
      "train",
      "epoch 0",
      "batch 0",
      "batch 0 end",
      "batch 1",
      "batch 1 end",
      "epoch 0 end: loss,accuracy,valLoss,valAccuracy",
      "end",
    ]);
  });

  it("that throw end the training, which can be started again", async () => {
    const { x, y } = quadrants(64);
    const model = classifier();
    const callbacks = [
      {
        onTrainBatchEnd: (): void => {
          throw new Error("enough");
        },
      },
    ];
    await expect(model.fit(x, y, { callbacks, verbose: 0 })).rejects.toThrow("enough");
    expect(model.weights.every((weight) => weight.grad === null)).toBe(true);
    await model.fit(x, y, { verbose: 0 });
  });
});

describe("what fit says", () => {
  const lines: string[] = [];
  beforeEach(() => {
    lines.length = 0;
    vi.spyOn(console, "log").mockImplementation((line: string) => void lines.push(line));
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it("is a line an epoch without a terminal, or with verbose 2", async () => {
    const { x, y } = quadrants(64);
    const model = classifier();
    await model.fit(x, y, { epochs: 2, validationData: [x, y], verbose: 2 });
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(
      /^Epoch 2\/2 - 2\/2 - \d+s - loss: \d\.\d{4} - accuracy: \d\.\d{4} - valLoss: \d\.\d{4} - valAccuracy: \d\.\d{4}$/,
    );
    await model.evaluate(x, y);
    expect(lines[2]).toMatch(/^2\/2 - \d+s - loss: \d\.\d{4} - accuracy: \d\.\d{4}$/);
  });

  it("is nothing with verbose 0", async () => {
    const { x, y } = quadrants(64);
    await classifier().fit(x, y, { verbose: 0 });
    expect(lines).toEqual([]);
  });

  it("is a progress bar on a terminal", async () => {
    const { x, y } = quadrants(64);
    const terminal = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
      lines.push(String(text));
      return true;
    });
    const { isTTY, cursorTo, clearLine } = process.stdout;
    Object.assign(process.stdout, { isTTY: true, cursorTo: () => true, clearLine: () => true });
    try {
      await classifier().fit(x, y, { epochs: 1 });
    } finally {
      Object.assign(process.stdout, { isTTY, cursorTo, clearLine });
      terminal.mockRestore();
    }
    const text = lines.join("");
    expect(text).toContain("Epoch 1/1");
    expect(text).toMatch(/ 2\/2 - [\d.]+ ms\/step - loss: \d\.\d{4} - accuracy: \d\.\d{4}/);
  });
});

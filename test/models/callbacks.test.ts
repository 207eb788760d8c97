import { existsSync, readFileSync, readdirSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  AnomalyError,
  ArgumentError,
  Sequential,
  callbacks,
  layers,
  loadModel,
  memory,
  optimizers,
  tensor,
  type Callback,
} from "nabla";
import { expectClose } from "../support/check-op.js";
import { readKeras } from "../support/keras.js";
import { classifier, quadrants, weightsOf } from "../support/quadrants.js";
import { workFolder } from "../support/safetensors.js";

const {
  CSVLogger,
  EarlyStopping,
  LambdaCallback,
  LearningRateScheduler,
  ModelCheckpoint,
  ReduceLROnPlateau,
  TerminateOnNaN,
} = callbacks;
const { at } = workFolder();
const { x, y } = quadrants(32);

/** Has an epoch end with these values of a figure, whatever the model learns. */
const figures = (name: string, values: readonly number[]): Callback => ({
  onEpochEnd: (epoch, logs) => void (logs[name] = values[epoch]!),
});

const lines: string[] = [];
function listen(method: "log" | "warn"): void {
  lines.length = 0;
  vi.spyOn(console, method).mockImplementation((line: string) => void lines.push(line));
}
afterEach(() => {
  vi.restoreAllMocks();
});

describe("decide as Keras", () => {
  interface Case {
    callback: "EarlyStopping" | "ReduceLROnPlateau";
    options: { monitor: string };
    values: number[];
    ran?: number;
    weightsOf?: number;
    rates?: number[];
  }
  const { cases } = readKeras<{ cases: Case[] }>("keras_callbacks");
  function model(): Sequential {
    const made = new Sequential([new layers.Dense({ units: 1, useBias: false, inputShape: [1] })]);
    const optimizer = new optimizers.SGD({ learningRate: 0.5 });
    made.compile({ optimizer, loss: "meanSquaredError", metrics: ["accuracy"] });
    return made;
  }

  it.each(cases.filter(({ callback }) => callback === "EarlyStopping").map((each, i) => [i, each] as const))(
    "EarlyStopping %#",
    (_, { options, values, ...expected }) => {
      const made = model();
      const callback = new EarlyStopping(options);
      callback.setModel(made as never);
      callback.onTrainBegin();
      let epoch = 0;
      for (; epoch < values.length && !made.stopTraining; epoch++) {
        made.setWeights([[[epoch]]]);
        callback.onEpochEnd(epoch, { [options.monitor]: values[epoch]! });
      }
      callback.onTrainEnd();
      expect({ ran: epoch, weightsOf: made.weights[0]!.itemSync() }).toEqual({
        ran: expected.ran,
        weightsOf: expected.weightsOf,
      });
    },
  );

  it.each(cases.filter(({ callback }) => callback === "ReduceLROnPlateau").map((each, i) => [i, each] as const))(
    "ReduceLROnPlateau %#",
    (_, { options, values, rates }) => {
      const made = model();
      const callback = new ReduceLROnPlateau(options);
      callback.setModel(made as never);
      callback.onTrainBegin();
      const ours = values.map((value, epoch) => {
        callback.onEpochEnd(epoch, { [options.monitor]: value });
        return made.optimizer!.learningRate;
      });
      // Six decimals are stored.
      expectClose(ours, rates!, 1e-6, "learning rates");
    },
  );

  it("in all cases", () => {
    expect(cases).toHaveLength(40);
  });
});

describe("EarlyStopping", () => {
  it("ends fit, gives the best weights back, and keeps no copies", async () => {
    const model = classifier();
    // Makes the optimizer's history, and constants that are kept.
    await model.fit(x, y, { verbose: 0 });
    const { tensors } = memory();
    let best: unknown;
    const remember = new LambdaCallback({ onEpochEnd: (epoch) => void (epoch === 1 && (best = weightsOf(model))) });
    const stop = new EarlyStopping({ monitor: "loss", patience: 2, restoreBestWeights: true, verbose: 1 });
    listen("log");
    const { epoch } = await model.fit(x, y, {
      epochs: 9,
      verbose: 0,
      callbacks: [figures("loss", [3, 1, 2, NaN, 0]), remember, stop],
    });
    expect(epoch).toEqual([0, 1, 2, 3]);
    expect(weightsOf(model)).toEqual(best);
    expect(lines).toEqual(["Epoch 4: early stopping", "The weights are those of the best epoch, 2"]);
    expect(memory().tensors).toBe(tensors);
  });

  it("knows that accuracies are to rise", async () => {
    const stop = new EarlyStopping({ monitor: "accuracy" });
    const { epoch } = await classifier().fit(x, y, {
      epochs: 5,
      verbose: 0,
      callbacks: [figures("accuracy", [0.5, 0.6, 0.4, 1, 1]), stop],
    });
    expect(epoch).toEqual([0, 1, 2]);
  });

  it("refuses a figure that is not there, or whose direction nobody knows", async () => {
    const model = classifier();
    const fit = (stop: Callback): Promise<unknown> =>
      model.fit(x, y, { epochs: 3, verbose: 0, callbacks: [figures("worst", [1, 2, 3]), stop] });
    await expect(fit(new EarlyStopping())).rejects.toThrow(
      'EarlyStopping: unknown figure to monitor: "valLoss", expected one of loss, accuracy, worst',
    );
    await expect(fit(new EarlyStopping({ monitor: "worst" }))).rejects.toThrow(
      'EarlyStopping: mode is needed: whether "worst" is to fall or to rise is not known, expected "min" or "max"',
    );
    await fit(new EarlyStopping({ monitor: "worst", mode: "max" }));
  });
});

describe("ModelCheckpoint", () => {
  it("writes the best models only, under their names", async () => {
    const model = classifier();
    const filepath = at("best/{epoch:02d}-{loss:.1f}.safetensors");
    let second: unknown;
    const remember = { onEpochEnd: (epoch: number): void => void (epoch === 1 && (second = weightsOf(model))) };
    listen("log");
    const checkpoint = new ModelCheckpoint({ filepath, monitor: "loss", saveBestOnly: true, verbose: 1 });
    await model.fit(x, y, {
      epochs: 4,
      verbose: 0,
      callbacks: [figures("loss", [3, 1.25, 2, 1.25]), remember, checkpoint],
    });
    expect(readdirSync(at("best")).sort()).toEqual(["01-3.0.safetensors", "02-1.3.safetensors"]);
    expect(lines).toEqual(
      [1, 2].map((n) => `Epoch ${n}: saved ${at(`best/0${n}-${n === 1 ? "3.0" : "1.3"}.safetensors`)}`),
    );
    const loaded = (await loadModel(at("best/02-1.3.safetensors"))) as unknown as Sequential;
    expect(weightsOf(loaded)).toEqual(second);
    expect(loaded.optimizer!.iterations).toBe(2);
  });

  it("writes weights after a number of batches", async () => {
    const model = classifier();
    const filepath = at("often/{epoch}-{batch}.safetensors");
    const checkpoint = new ModelCheckpoint({ filepath, saveWeightsOnly: true, saveFreq: 3 });
    const seen: unknown[] = [];
    const remember = { onTrainBatchEnd: (): void => void seen.push(weightsOf(model)) };
    await model.fit(x, y, { epochs: 2, batchSize: 8, verbose: 0, callbacks: [checkpoint, remember] });
    expect(readdirSync(at("often")).sort()).toEqual(["1-3.safetensors", "2-2.safetensors"]);
    for (const [file, step] of Object.entries({ "1-3": 2, "2-2": 5 })) {
      await model.loadWeights(at(`often/${file}.safetensors`));
      expect(weightsOf(model)).toEqual(seen[step]);
    }
  });

  it("begins with initialValueThreshold", async () => {
    const filepath = at("threshold.safetensors");
    const checkpoint = new ModelCheckpoint({ filepath, monitor: "loss", saveBestOnly: true, initialValueThreshold: 1 });
    const model = classifier();
    await model.fit(x, y, { verbose: 0, callbacks: [figures("loss", [2]), checkpoint] });
    expect(existsSync(filepath)).toBe(false);
    await model.fit(x, y, { verbose: 0, callbacks: [figures("loss", [0.5]), checkpoint] });
    expect(existsSync(filepath)).toBe(true);
  });

  it("refuses names that stand for nothing", async () => {
    const checkpoint = new ModelCheckpoint({ filepath: at("{val_loss}.safetensors") });
    await expect(
      classifier().fit(x, y, { verbose: 0, callbacks: [checkpoint], validationData: [x, y] }),
    ).rejects.toThrow('ModelCheckpoint: unknown name in filepath: "val_loss", did you mean "valLoss"?');
  });
});

describe("LearningRateScheduler", () => {
  it("sets the rate of each epoch, which gets into the History", async () => {
    const model = classifier();
    const schedule = (epoch: number, rate: number): number => (epoch < 2 ? rate : rate / 2);
    listen("log");
    const { history } = await model.fit(x, y, {
      epochs: 4,
      verbose: 0,
      callbacks: [new LearningRateScheduler({ schedule, verbose: 1 })],
    });
    expect(history["learningRate"]).toEqual([0.01, 0.01, 0.005, 0.0025]);
    expect(lines[3]).toBe("Epoch 4: the learning rate is 0.0025");
  });

  it("refuses what is no rate", async () => {
    const fit = (schedule: () => unknown): Promise<unknown> =>
      classifier().fit(x, y, { verbose: 0, callbacks: [new LearningRateScheduler({ schedule: schedule as never })] });
    await expect(fit(() => "fast")).rejects.toThrow(
      'LearningRateScheduler: schedule(0, 0.01) is wrong: "fast", expected a number',
    );
    await expect(fit(() => -1)).rejects.toThrow(/learningRate is wrong: -1/);
  });
});

describe("CSVLogger", () => {
  it("writes a line an epoch, and goes on with a file", async () => {
    const filename = at("logs/run.csv");
    const model = classifier();
    const fit = (logger: Callback, initialEpoch: number): Promise<unknown> =>
      model.fit(x, y, {
        epochs: initialEpoch + 2,
        initialEpoch,
        verbose: 0,
        callbacks: [figures("loss", [4, 3, 2, 1]), figures("accuracy", [0, 0.25, 0.5, 1]), logger],
      });
    await fit(new CSVLogger({ filename }), 0);
    expect(readFileSync(filename, "utf8")).toBe("epoch,accuracy,loss\n0,0,4\n1,0.25,3\n");
    await fit(new CSVLogger({ filename, append: true }), 2);
    expect(readFileSync(filename, "utf8").split("\n").slice(2)).toEqual(["1,0.25,3", "2,0.5,2", "3,1,1", ""]);
    await fit(new CSVLogger({ filename, separator: ";" }), 0);
    expect(readFileSync(filename, "utf8")).toBe("epoch;accuracy;loss\n0;0;4\n1;0.25;3\n");
    await expect(fit(new CSVLogger({ filename, append: true }), 0)).rejects.toThrow(
      `CSVLogger: the columns differ: ${filename} has epoch;accuracy;loss, the figures are epoch,accuracy,loss`,
    );
  });

  it("quotes names that have a separator in them", async () => {
    const filename = at("quoted.csv");
    const callback = [figures('a "b", c', [1]), new CSVLogger({ filename })];
    await classifier().fit(x, y, { verbose: 0, callbacks: callback });
    expect(readFileSync(filename, "utf8")).toMatch(/^epoch,"a ""b"", c",accuracy,loss\n0,1,/);
  });
});

describe("TerminateOnNaN", () => {
  function diverging(): Sequential {
    const model = new Sequential([new layers.Dense({ units: 1, inputShape: [2] })]);
    model.compile({ optimizer: new optimizers.SGD({ learningRate: 1e30 }), loss: "meanSquaredError" });
    return model;
  }
  const targets = tensor(new Float32Array(32));

  it("ends the training after the batch, or rejects", async () => {
    listen("warn");
    const model = diverging();
    const result = await model.fit(x, targets, {
      epochs: 3,
      batchSize: 4,
      verbose: 0,
      callbacks: [new TerminateOnNaN()],
    });
    expect(result.epoch).toEqual([]);
    expect(lines).toEqual(["TerminateOnNaN: the loss is not finite: Infinity at batch 1, the training ends"]);
    expect(model.optimizer!.iterations).toBe(2);
    const strict = [new TerminateOnNaN({ raiseError: true })];
    const rejected = diverging().fit(x, targets, { batchSize: 4, verbose: 0, callbacks: strict });
    await expect(rejected).rejects.toThrow(AnomalyError);
    await expect(rejected).rejects.toThrow("TerminateOnNaN: the loss is not finite: Infinity at batch 1");
  });

  it("leaves a sound training alone", async () => {
    const { epoch } = await classifier().fit(x, y, { epochs: 2, verbose: 0, callbacks: [new TerminateOnNaN()] });
    expect(epoch).toEqual([0, 1]);
  });
});

describe("onTrainBatchEnd", () => {
  it("gives the figures of the epoch so far", async () => {
    const seen: number[] = [];
    const callback: Callback = { onTrainBatchEnd: async (_, logs) => void seen.push((await logs())["loss"]!) };
    const { history } = await classifier().fit(x, y, { batchSize: 8, verbose: 0, callbacks: [callback] });
    expect(seen).toHaveLength(4);
    expect(new Set(seen).size).toBe(4);
    expect(seen[3]).toBe(history["loss"]![0]);
  });
});

describe("options that are wrong are refused", () => {
  it.each<[() => unknown, string]>([
    [() => new EarlyStopping({ patience: -1 }), "EarlyStopping: patience is out of range: -1"],
    [
      () => new EarlyStopping({ patiance: 1 } as never),
      'EarlyStopping: unknown option: "patiance", did you mean "patience"?',
    ],
    [
      () => new EarlyStopping({ mode: "up" as never }),
      'EarlyStopping: mode is wrong: "up", expected "auto", "min" or "max"',
    ],
    [
      () => new EarlyStopping({ monitor: 1 as never }),
      "EarlyStopping: monitor is wrong: 1, expected the name of a figure",
    ],
    [() => new EarlyStopping({ minDelta: NaN }), "EarlyStopping: minDelta is wrong: NaN"],
    [
      () => new EarlyStopping({ baseline: Infinity }),
      "EarlyStopping: baseline is wrong: Infinity, expected a finite number",
    ],
    [() => new EarlyStopping({ restoreBestWeights: 1 as never }), "EarlyStopping: restoreBestWeights is wrong: 1"],
    [() => new EarlyStopping({ startFromEpoch: 0.5 }), "EarlyStopping: startFromEpoch is out of range: 0.5"],
    [() => new EarlyStopping({ verbose: 2 as never }), "EarlyStopping: verbose is wrong: 2, expected 0 or 1"],
    [
      () => new ReduceLROnPlateau({ factor: 1 }),
      "ReduceLROnPlateau: factor is wrong: 1, expected a number from 0 to below 1",
    ],
    [() => new ReduceLROnPlateau({ cooldown: -1 }), "ReduceLROnPlateau: cooldown is out of range: -1"],
    [() => new ReduceLROnPlateau({ minLr: -1 }), "ReduceLROnPlateau: minLr is wrong: -1"],
    [() => new ModelCheckpoint({} as never), "ModelCheckpoint: filepath is wrong: undefined, expected a file's name"],
    [
      () => new ModelCheckpoint({ filepath: "a", saveFreq: 0 }),
      "ModelCheckpoint: saveFreq is wrong: 0, expected a positive integer",
    ],
    [
      () => new LearningRateScheduler({} as never),
      "LearningRateScheduler: schedule is wrong: undefined, expected a function",
    ],
    [() => new CSVLogger({ filename: "" }), `CSVLogger: filename is wrong: "", expected a file's name`],
    [() => new CSVLogger({ filename: "a", separator: "" }), 'CSVLogger: separator is wrong: "", expected a text'],
    [
      () => new TerminateOnNaN({ raiseError: 1 as never }),
      "TerminateOnNaN: raiseError is wrong: 1, expected true or false",
    ],
    [
      () => new LambdaCallback({ onEpochEnds: () => {} } as never),
      'LambdaCallback: unknown option: "onEpochEnds", did you mean "onEpochEnd"?',
    ],
    [
      () => new LambdaCallback({ onEpochEnd: 1 as never }),
      "LambdaCallback: onEpochEnd is wrong: 1, expected a function",
    ],
  ])("%#", (make, message) => {
    expect(make).toThrow(ArgumentError);
    expect(make).toThrow(message);
  });
});

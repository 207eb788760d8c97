import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  ArgumentError,
  DTypeError,
  Input,
  Model,
  Sequential,
  io,
  layers,
  memory,
  setSeed,
  tensor,
  type SymbolicTensor,
  type Tensor,
} from "nabla";
import { loadWithTfjs, saveWithTfjs } from "../support/layersModels.js";
import { keras, tf } from "../support/tfjs.js";

let root: string;
let count = 0;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "nabla-layers-model-"));
});
afterAll(() => rmSync(root, { recursive: true }));

const L = keras.layers;
const freshFolder = (): string => join(root, String(count++));
const values = (shape: readonly number[], seed = 0): Float32Array =>
  Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(7 * i + seed));

/** Compares predictions for inputs of these shapes, the batch in front. */
async function expectSame(model: Model, oracle: keras.LayersModel, shapes: readonly number[][]): Promise<void> {
  const xs = shapes.map((shape, i) => tensor(values(shape, i), { shape }));
  const others = shapes.map((shape, i) => tf.tensor(values(shape, i), shape));
  const ys: readonly Tensor[] = [await model.predict((xs.length === 1 ? xs[0]! : xs) as Tensor)].flat();
  const expected = [oracle.predict(others.length === 1 ? others[0]! : others)].flat();
  expect(ys.map(({ shape }) => shape)).toEqual(expected.map(({ shape }) => shape));
  for (const [i, y] of ys.entries()) {
    const wanted = expected[i]!.dataSync();
    // Sums of a few dozen products, in another order.
    (await y.data()).forEach((value: number, j: number) => {
      expect(Math.abs(value - wanted[j]!)).toBeLessThanOrEqual(1e-5 * Math.max(1, Math.abs(wanted[j]!)));
    });
  }
}

/** Brings a model of tfjs in and out again, and compares both with it. */
async function expectBothWays(made: keras.LayersModel, shapes: readonly number[][]): Promise<Model> {
  const model = (await io.loadLayersModel(await saveWithTfjs(made, freshFolder()))) as Model;
  await expectSame(model, made, shapes);
  const folder = freshFolder();
  await io.saveLayersModel(model, folder);
  await expectSame(model, await loadWithTfjs(join(folder, "model.json")), shapes);
  return model;
}

describe("models of tfjs come in and go out", () => {
  it("a Sequential", async () => {
    const made = keras.sequential({
      name: "row",
      layers: [
        L.conv2d({ filters: 3, kernelSize: 2, inputShape: [6, 6, 2], activation: "relu", name: "conv" }),
        L.batchNormalization({ trainable: false }),
        L.maxPooling2d({}),
        L.flatten(),
        L.dropout({ rate: 0.2 }),
        L.dense({ units: 4, activation: "softmax" }),
      ],
    });
    const model = await expectBothWays(made, [[3, 6, 6, 2]]);
    expect(model).toBeInstanceOf(Sequential);
    expect(model.name).toBe("row");
    expect(model.layers.map(({ name }) => name)).toEqual(made.layers.map(({ name }) => name));
    expect(model.layers.map(({ trainable }) => trainable)).toEqual([true, false, true, true, true, true]);
    expect(model.countParams()).toBe(made.countParams());
  });

  it("a graph with a shared layer, several inputs and outputs", async () => {
    const [a, b] = [keras.input({ shape: [4], name: "a" }), keras.input({ shape: [4], name: "b" })];
    const shared = L.dense({ units: 3, activation: "tanh", name: "shared" });
    const [x, y] = [shared.apply(a), shared.apply(b)] as keras.SymbolicTensor[];
    const sum = L.add().apply([x!, y!]) as keras.SymbolicTensor;
    const product = L.multiply().apply([x!, y!, sum]) as keras.SymbolicTensor;
    const both = L.concatenate().apply([product, sum]) as keras.SymbolicTensor;
    const made = keras.model({ inputs: [a, b], outputs: [both, y!], name: "graph" });
    const model = await expectBothWays(made, [
      [2, 4],
      [2, 4],
    ]);
    expect(model.inputNames).toEqual(["a", "b"]);
    expect(model.layers.filter(({ name }) => name === "shared")).toHaveLength(1);
  });

  it("models inside of a model, used twice", async () => {
    const image = keras.input({ shape: [5, 5, 2] });
    const conv = L.conv2d({ filters: 2, kernelSize: 2 }).apply(image) as keras.SymbolicTensor;
    const features = keras.model({ inputs: image, outputs: conv, name: "features" });
    const head = keras.sequential({
      name: "head",
      layers: [L.flatten({ inputShape: [4, 4, 2] }), L.dense({ units: 3 })],
    });
    const [a, b] = [keras.input({ shape: [5, 5, 2] }), keras.input({ shape: [5, 5, 2] })];
    const ends = [a, b].map((x) => head.apply(features.apply(x) as keras.SymbolicTensor) as keras.SymbolicTensor);
    const made = keras.model({ inputs: [a, b], outputs: L.average().apply(ends) as keras.SymbolicTensor });
    const model = await expectBothWays(made, [
      [2, 5, 5, 2],
      [2, 5, 5, 2],
    ]);
    expect(model.getLayer("features")).toBeInstanceOf(Model);
    expect(model.getLayer("head")).toBeInstanceOf(Sequential);
  });

  it("a Sequential that begins with a model", async () => {
    const inner = keras.sequential({ layers: [L.dense({ units: 3, inputShape: [4], activation: "relu" })] });
    await expectBothWays(keras.sequential({ layers: [inner, L.dense({ units: 2 })] }), [[2, 4]]);
  });

  it("states that go from one recurrent layer to another", async () => {
    const [source, target] = [keras.input({ shape: [4, 3] }), keras.input({ shape: [5, 2] })];
    const options = { units: 3, recurrentActivation: "sigmoid" as const, returnState: true };
    const [, h, c] = L.lstm({ ...options, name: "encoder" }).apply(source) as keras.SymbolicTensor[];
    const decoder = L.lstm({ ...options, returnSequences: true, name: "decoder" });
    const [y] = decoder.apply(target, { initialState: [h!, c!] }) as keras.SymbolicTensor[];
    // tfjs keeps the states as inputs, and warns that it leaves them out as options.
    const warn = vi.spyOn(console, "warn").mockReturnValue();
    await expectBothWays(keras.model({ inputs: [source, target], outputs: y! }), [
      [2, 4, 3],
      [2, 5, 2],
    ]);
    warn.mockRestore();
  });

  it("leaves nothing behind", async () => {
    const made = keras.sequential({ layers: [L.dense({ units: 3, inputShape: [4] }), L.dense({ units: 2 })] });
    const file = await saveWithTfjs(made, freshFolder());
    const before = memory().tensors;
    const model = await io.loadLayersModel(file);
    expect(memory().tensors - before).toBe(model.weights.length);
  });
});

describe("what nabla trained", () => {
  it("predicts the same in tfjs", async () => {
    setSeed(4);
    const model = new Sequential([
      new layers.Conv2D({ filters: 4, kernelSize: 3, padding: "same", activation: "relu", inputShape: [8, 8, 1] }),
      new layers.SeparableConv2D({ filters: 3, kernelSize: 3, depthMultiplier: 2 }),
      new layers.BatchNormalization(),
      new layers.MaxPooling2D(),
      new layers.Flatten(),
      new layers.Dense({ units: 8, activation: "silu", kernelInitializer: "lecunNormal" }),
      new layers.Dense({ units: 3, activation: "softmax" }),
    ]);
    model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
    const x = tensor(values([12, 8, 8, 1]), { shape: [12, 8, 8, 1] });
    const labels = Int32Array.from({ length: 12 }, (_, i) => i % 3);
    await model.fit(x, tensor(labels, { dtype: "int32" }), { epochs: 3, batchSize: 4, verbose: 0 });
    const folder = freshFolder();
    await io.saveLayersModel(model, folder);
    expect(readdirSync(folder).sort()).toEqual(["group1-shard1of1.bin", "model.json"]);
    const oracle = await loadWithTfjs(join(folder, "model.json"));
    await expectSame(model, oracle, [[5, 8, 8, 1]]);
    expect(oracle.weights.map(({ shape }) => shape).length).toBe(model.weights.length);
    await expectSame((await io.loadLayersModel(join(folder, "model.json"))) as Model, oracle, [[5, 8, 8, 1]]);
  });

  it("with recurrent layers, embeddings and integers at the input", async () => {
    const words = Input({ shape: [6], dtype: "int32", name: "words" });
    const x = new layers.Embedding({ inputDim: 9, outputDim: 4 }).apply(words);
    const lstm = new layers.LSTM({ units: 3, returnSequences: true });
    const y = new layers.Bidirectional({ layer: lstm }).apply(x) as SymbolicTensor;
    const z = new layers.TimeDistributed({ layer: new layers.Dense({ units: 2 }) }).apply(y);
    const model = new Model({ inputs: words, outputs: z });
    const folder = freshFolder();
    await io.saveLayersModel(model, folder);
    const oracle = await loadWithTfjs(join(folder, "model.json"));
    expect(oracle.inputs[0]!.dtype).toBe("int32");
    const indices = Int32Array.from({ length: 12 }, (_, i) => (5 * i) % 9);
    const ours = await model.predict(tensor(indices, { shape: [2, 6], dtype: "int32" }));
    const theirs = (oracle.predict(tf.tensor(indices, [2, 6], "int32")) as tf.Tensor).dataSync();
    // Sums of a dozen products, in another order.
    (await ours.data()).forEach((value: number, i: number) => expect(value).toBeCloseTo(theirs[i]!, 5));
  });

  it("replaces an older model in the folder", async () => {
    const folder = freshFolder();
    const make = (units: number): Sequential => new Sequential([new layers.Dense({ units, inputShape: [2] })]);
    await io.saveLayersModel(make(3), folder);
    await io.saveLayersModel(make(5), folder);
    const model = await io.loadLayersModel(join(folder, "model.json"));
    expect(model.weights[0]!.shape).toEqual([2, 5]);
    expect(readdirSync(folder).sort()).toEqual(["group1-shard1of1.bin", "model.json"]);
  });

  class Own extends Sequential {}
  const dense = (options: object): Sequential =>
    new Sequential([new layers.Dense({ units: 2, name: "d", inputShape: [3], ...options })]);
  const tanhLstm = (more: object): Sequential =>
    new Sequential([new layers.LSTM({ units: 2, name: "l", inputShape: [3, 2], ...more }) as unknown as layers.Layer]);
  const twins = (): Model => {
    const x = Input({ shape: [2] });
    const inner = (): Sequential => dense({ inputShape: [2] });
    return new Model({ inputs: x, outputs: inner().apply(inner().apply(x)) });
  };
  const training = (): Model => {
    const x = Input({ shape: [2] });
    return new Model({ inputs: x, outputs: new layers.Dropout({ rate: 0.5, name: "d" }).apply(x, { training: true }) });
  };
  const uneven = (): Sequential => {
    const layer = new layers.LSTM({ units: 2 });
    const backwardLayer = new layers.LSTM({ units: 2, goBackwards: true, useBias: false });
    const both = new layers.Bidirectional({ layer, backwardLayer, name: "b", inputShape: [3, 2] });
    return new Sequential([both as unknown as layers.Layer]);
  };
  const partOfGraph = (): Model => {
    const x = new layers.Flatten({ name: "f" }).apply(Input({ shape: [2] }));
    return new Model({ inputs: x, outputs: new layers.Dense({ units: 1 }).apply(x), name: "part" });
  };
  it.each<[string, () => Model, string]>([
    [
      "an activation",
      () => dense({ activation: "leakyRelu" }),
      'd: tfjs has no such activation: "leakyRelu", expected one of linear, relu',
    ],
    ["a function", () => dense({ activation: (x: Tensor) => x.mul(2) }), "d: activation cannot be saved: a function"],
    [
      "groups",
      () =>
        new Sequential([new layers.Conv2D({ filters: 2, kernelSize: 1, groups: 2, name: "c", inputShape: [2, 2, 2] })]),
      'tfjs does not have the option: groups of "c" is 2, expected 1',
    ],
    [
      "a padding in pixels",
      () => new Sequential([new layers.MaxPooling2D({ padding: 1, name: "m", inputShape: [4, 4, 1] })]),
      'tfjs does not have the option: padding of "m" is 1, expected "valid" or "same"',
    ],
    ["kept states", () => tanhLstm({ stateful: true }), 'stateful of "l" is true, expected false'],
    ["an own backward layer", uneven, 'tfjs does not have a backwardLayer of its own: that of "b" has other options'],
    ["weights of one name", twins, "two weights have one name: d/kernel, expected different names of layers"],
    ["options of a call", training, 'tfjs does not keep the options of a call: "d" is called with training'],
    ["a part of a graph", partOfGraph, 'an input is no Input: part begins with a result of "f"'],
    [
      "a class of its own",
      () => new Own([new layers.Dense({ units: 1, inputShape: [1] })], { name: "own" }),
      "not a graph of layers: own is a Own, expected a Sequential or a Model of inputs and outputs",
    ],
    [
      "no shape",
      () => new Sequential([new layers.Dense({ units: 1 })], { name: "open" }),
      "the model is not built: the input shape of open is not known",
    ],
  ])("is refused with %s, and nothing is written", async (_, make, message) => {
    const folder = freshFolder();
    const failure = await io.saveLayersModel(make(), folder).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ArgumentError);
    expect((failure as Error).message).toContain(message);
    expect(() => readdirSync(folder)).toThrow("ENOENT");
  });

  it("is refused in float64", async () => {
    const failure = await io
      .saveLayersModel(dense({ dtype: "float64" }), freshFolder())
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(DTypeError);
    expect((failure as Error).message).toBe(
      'saveLayersModel: tfjs does not have the dtype: "d" is float64, expected float32',
    );
  });

  it("needs a model and a folder", async () => {
    await expect(io.saveLayersModel(3 as never, "x")).rejects.toThrow(
      "saveLayersModel: model is wrong: 3, expected a model",
    );
    await expect(io.saveLayersModel(dense({}), "")).rejects.toThrow('saveLayersModel: path is wrong: ""');
    const deep = join(freshFolder(), "a");
    await expect(io.saveLayersModel(dense({}), deep)).rejects.toThrow("saveLayersModel: folder not found: ");
    const file = freshFolder();
    writeFileSync(file, "");
    await expect(io.saveLayersModel(dense({}), file)).rejects.toThrow(`saveLayersModel: folder not found: ${file}`);
    expect(readFileSync(file, "utf8")).toBe("");
  });
});

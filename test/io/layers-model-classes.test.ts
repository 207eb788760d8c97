import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ArgumentError, Input, Model, io, layers, tensor, type SymbolicTensor, type Tensor } from "nabla";
import { KERAS_LAYERS } from "../../src/ts/io/keras-layers.js";
import { loadWithTfjs, saveWithTfjs } from "../support/layersModels.js";
import { keras, tf } from "../support/tfjs.js";

let root: string;
let count = 0;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "nabla-classes-"));
});
afterAll(() => rmSync(root, { recursive: true }));

interface Case {
  readonly layer: () => keras.layers.Layer;
  /** The shapes of its inputs, without the batch. */
  readonly inputs: readonly (readonly number[])[];
  /** That the inputs are integers below this one. */
  readonly below?: number;
}

const L = keras.layers;
const image = [[6, 5, 4]];
const sequence = [[5, 3]];
const two = [
  [3, 4],
  [3, 4],
];
const of = (inputs: Case["inputs"], ...made: (() => keras.layers.Layer)[]): Case[] =>
  made.map((layer) => ({ layer, inputs }));

/** Layers of tfjs, by their classes. */
const CASES: Readonly<Record<string, readonly Case[]>> = {
  Activation: of(
    sequence,
    ...["linear", "relu", "sigmoid", "softmax", "logSoftmax", "tanh", "elu", "selu", "swish", "gelu", "softplus"].map(
      (activation) => () => L.activation({ activation: activation as "relu" }),
    ),
  ),
  Add: of(two, () => L.add()),
  Average: of([...two, [3, 4]], () => L.average()),
  AveragePooling1D: of(sequence, () => L.averagePooling1d({ poolSize: 2, strides: 1, padding: "same" })),
  AveragePooling2D: of(
    image,
    () => L.averagePooling2d({}),
    () => L.averagePooling2d({ poolSize: [3, 2], strides: [2, 1], padding: "same" }),
  ),
  BatchNormalization: of(
    image,
    () => L.batchNormalization(),
    () => L.batchNormalization({ axis: 3, epsilon: 0.1, center: false, scale: false }),
  ),
  Bidirectional: of(
    sequence,
    ...(["concat", "sum", "mul", "ave"] as const).map(
      (mergeMode) => () =>
        L.bidirectional({
          layer: L.lstm({ units: 2, returnSequences: true, recurrentActivation: "sigmoid" }) as keras.RNN,
          mergeMode,
        }),
    ),
    () => L.bidirectional({ layer: L.simpleRNN({ units: 3 }) as keras.RNN, mergeMode: "concat" }),
  ),
  Concatenate: of(
    [
      [3, 4],
      [3, 2],
    ],
    () => L.concatenate(),
    () => L.concatenate({ axis: 2 }),
  ),
  Conv1D: of(
    sequence,
    () => L.conv1d({ filters: 4, kernelSize: 2 }),
    () => L.conv1d({ filters: 2, kernelSize: 3, padding: "same", dilationRate: 2, activation: "relu" }),
    () => L.conv1d({ filters: 2, kernelSize: [3], padding: "same", strides: [2], useBias: false }),
  ),
  Conv2D: of(
    image,
    () => L.conv2d({ filters: 3, kernelSize: 3 }),
    () => L.conv2d({ filters: 2, kernelSize: [3, 2], strides: 2, padding: "same", activation: "relu" }),
    () => L.conv2d({ filters: 2, kernelSize: 2, dilationRate: [2, 1], useBias: false, kernelInitializer: "heNormal" }),
  ),
  Conv2DTranspose: of(
    image,
    () => L.conv2dTranspose({ filters: 3, kernelSize: 3 }),
    () => L.conv2dTranspose({ filters: 2, kernelSize: 3, strides: 2, padding: "same", activation: "tanh" }),
  ),
  Cropping2D: of(image, () =>
    L.cropping2D({
      cropping: [
        [1, 2],
        [0, 1],
      ],
    }),
  ),
  Dense: of(
    [[4]],
    () => L.dense({ units: 3, activation: "softmax" }),
    () => L.dense({ units: 2, useBias: false, kernelInitializer: "leCunNormal" }),
  ),
  DepthwiseConv2D: of(
    image,
    () => L.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2 }),
    () => L.depthwiseConv2d({ kernelSize: 3, strides: 2, padding: "same", useBias: false, activation: "relu" }),
  ),
  Dropout: of(sequence, () => L.dropout({ rate: 0.5 })),
  ELU: of(sequence, () => L.elu()),
  Embedding: [{ layer: () => L.embedding({ inputDim: 7, outputDim: 3 }), inputs: [[4]], below: 7 }],
  Flatten: of(image, () => L.flatten()),
  GlobalAveragePooling1D: of(sequence, () => L.globalAveragePooling1d()),
  GlobalAveragePooling2D: of(image, () => L.globalAveragePooling2d({})),
  GlobalMaxPooling1D: of(sequence, () => L.globalMaxPooling1d()),
  GlobalMaxPooling2D: of(image, () => L.globalMaxPooling2d({})),
  LayerNormalization: of(
    sequence,
    () => L.layerNormalization(),
    () => L.layerNormalization({ axis: [1, 2], epsilon: 0.01, scale: false }),
  ),
  LeakyReLU: of(
    sequence,
    () => L.leakyReLU(),
    () => L.leakyReLU({ alpha: 0.1 }),
  ),
  LSTM: of(
    sequence,
    () => L.lstm({ units: 3, recurrentActivation: "sigmoid" }),
    () =>
      L.lstm({ units: 2, recurrentActivation: "sigmoid", returnSequences: true, goBackwards: true, useBias: false }),
  ),
  Masking: of(sequence, () => L.masking({ maskValue: 0.5 })),
  Maximum: of(two, () => L.maximum()),
  MaxPooling1D: of(
    sequence,
    () => L.maxPooling1d({}),
    () => L.maxPooling1d({ poolSize: [3], strides: 1 }),
  ),
  MaxPooling2D: of(
    image,
    () => L.maxPooling2d({}),
    () => L.maxPooling2d({ poolSize: 3, strides: [1, 2], padding: "same" }),
  ),
  Minimum: of(two, () => L.minimum()),
  Multiply: of(two, () => L.multiply()),
  Permute: of(image, () => L.permute({ dims: [3, 1, 2] })),
  PReLU: of(
    image,
    () => L.prelu(),
    () => L.prelu({ sharedAxes: [1, 2] }),
  ),
  ReLU: of(
    sequence,
    () => L.reLU(),
    () => L.reLU({ maxValue: 0.5 }),
  ),
  RepeatVector: of([[4]], () => L.repeatVector({ n: 3 })),
  Reshape: of(image, () => L.reshape({ targetShape: [5, -1, 2] as number[] })),
  SeparableConv2D: of(
    image,
    () => L.separableConv2d({ filters: 3, kernelSize: 3 }),
    () => L.separableConv2d({ filters: 2, kernelSize: 2, padding: "same", activation: "relu", useBias: false }),
  ),
  SimpleRNN: of(
    sequence,
    () => L.simpleRNN({ units: 3 }),
    () => L.simpleRNN({ units: 2, returnSequences: true, activation: "relu" }),
  ),
  Softmax: [...of(sequence, () => L.softmax({ axis: -1 })), ...of([[4]], () => L.softmax())],
  TimeDistributed: of(
    sequence,
    () => L.timeDistributed({ layer: L.dense({ units: 2, activation: "relu" }) }),
    () => L.timeDistributed({ layer: L.batchNormalization() }),
  ),
  UpSampling2D: of(
    image,
    () => L.upSampling2d({}),
    () => L.upSampling2d({ size: [1, 3], interpolation: "nearest" }),
  ),
  ZeroPadding2D: of(
    image,
    () => L.zeroPadding2d(),
    () =>
      L.zeroPadding2d({
        padding: [
          [0, 1],
          [2, 0],
        ],
      }),
  ),
};

/** Values from -1 to 1, or integers. */
const values = (shape: readonly number[], seed: number, below?: number): Float32Array =>
  Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) =>
    below === undefined ? Math.sin(7 * i + seed) : (5 * i + seed) % below,
  );

const BATCH = 2;

async function expectSame(model: Model, oracle: keras.LayersModel, { inputs, below }: Case): Promise<void> {
  const data = inputs.map((shape, i) => values([BATCH, ...shape], i, below));
  const xs = inputs.map((shape, i) => tensor(data[i]!, { shape: [BATCH, ...shape] }));
  const others = inputs.map((shape, i) => tf.tensor(data[i]!, [BATCH, ...shape]));
  const expected = oracle.predict(others.length === 1 ? others[0]! : others) as tf.Tensor;
  const y = (await model.predict((xs.length === 1 ? xs[0]! : xs) as Tensor)) as Tensor;
  expect(y.shape).toEqual(expected.shape);
  const wanted = expected.dataSync();
  expect(wanted.some((value) => value !== wanted[0])).toBe(true);
  // Sums of a few dozen products, in another order.
  (await y.data()).forEach((value: number, i: number) => {
    expect(Math.abs(value - wanted[i]!)).toBeLessThanOrEqual(1e-5 * Math.max(1, Math.abs(wanted[i]!)));
  });
}

describe("a layer of tfjs", () => {
  it("is here for each class that tfjs has", () => {
    const classes = Object.keys(KERAS_LAYERS).filter((name) => KERAS_LAYERS[name]!.tfjs);
    expect(Object.keys(CASES).sort()).toEqual(classes.sort());
    expect(classes.length).toBeGreaterThan(35);
  });

  const all = Object.entries(CASES).flatMap(([name, cases]) => cases.map((each, i) => [name, i, each] as const));
  it.each(all)("%s, case %s, comes in and goes out", async (name, _, each) => {
    const inputs = each.inputs.map((shape) => keras.input({ shape: [...shape] }));
    const layer = each.layer();
    expect(layer.getClassName()).toBe(name);
    const y = layer.apply(inputs.length === 1 ? inputs[0]! : inputs) as keras.SymbolicTensor;
    const made = keras.model({ inputs, outputs: y });
    made.setWeights(
      made.getWeights().map(({ shape }, i) =>
        tf.tensor(
          values(shape, i).map((v) => 1 + v / 2),
          shape,
        ),
      ),
    );
    const file = await saveWithTfjs(made, join(root, String(count++)));
    const model = (await io.loadLayersModel(file)) as Model;
    expect(model.layers.at(-1)).toBeInstanceOf(KERAS_LAYERS[name]!.layer);
    await expectSame(model, made, each);
    const folder = join(root, String(count++));
    await io.saveLayersModel(model, folder);
    await expectSame(model, await loadWithTfjs(join(folder, "model.json")), each);
  });
});

/** Classes of nabla that no configuration of Keras has, or none that stands for the same. */
const WITHOUT: Readonly<Record<string, string>> = {
  InputLayer: "the beginning of a graph",
  Lambda: "a function of the program",
  Layer: "the base of all",
  MultiHeadAttention: "its calls have several arguments",
  PositionalEncoding: "not in Keras",
  RecurrentLayer: "the base of recurrent layers",
  TransformerDecoderBlock: "not in Keras",
  TransformerEncoderBlock: "not in Keras",
};

describe("every class of layers", () => {
  it("is in the table, or in the list of those that are not", () => {
    const known = Object.values(KERAS_LAYERS).map(({ layer }) => layer.name);
    const classes = Object.values(layers as Record<string, unknown>).filter(
      (value): value is { name: string } =>
        value === layers.Layer || (typeof value === "function" && value.prototype instanceof layers.Layer),
    );
    expect(classes.map(({ name }) => name).sort()).toEqual([...known, ...Object.keys(WITHOUT)].sort());
  });
});

describe("a layer that tfjs does not have", () => {
  const image4 = (): SymbolicTensor => Input({ shape: [4, 4, 4] });
  const series = (): SymbolicTensor => Input({ shape: [5, 3] });
  const subtract = (): SymbolicTensor => {
    const x = series();
    return new layers.Subtract({ name: "mine" }).apply([x, x]);
  };
  const made: Readonly<Record<string, () => SymbolicTensor>> = {
    GRU: () => new layers.GRU({ units: 2, name: "mine" }).apply(series()),
    GroupNormalization: () => new layers.GroupNormalization({ groups: 2, name: "mine" }).apply(image4()),
    RMSNormalization: () => new layers.RMSNormalization({ name: "mine" }).apply(series()),
    SpatialDropout2D: () => new layers.SpatialDropout2D({ rate: 0.5, name: "mine" }).apply(image4()),
    Subtract: subtract,
  };
  it("is here for each such class", () => {
    expect(Object.keys(made).sort()).toEqual(
      Object.keys(KERAS_LAYERS)
        .filter((name) => KERAS_LAYERS[name]!.tfjs === null)
        .sort(),
    );
  });

  it.each(Object.keys(made))("%s is refused before anything is written", async (name) => {
    const outputs = made[name]!();
    const model = new Model({ inputs: outputs.source.inputs[0]!, outputs });
    const failure = await io.saveLayersModel(model, join(root, "refused")).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ArgumentError);
    expect((failure as Error).message).toContain(
      `saveLayersModel: tfjs does not have the layer, or computes it otherwise: "mine" is a ${name}, expected one of Activation, Add`,
    );
  });
});

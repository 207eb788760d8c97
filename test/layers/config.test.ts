import { describe, expect, it } from "vitest";
import { ArgumentError, Input, Model, initializers, layers, type Tensor } from "nabla";
import { classConfig, type ClassConfig } from "../../src/ts/config.js";
import { layerFromConfig } from "../../src/ts/layers/fromConfig.js";
import type { AnyLayer } from "../../src/ts/layers/symbolic.js";

const common = { name: "x", trainable: false, dtype: "float64" } as const;
const image = [8, 8, 4];
const sequence = [5, 4];

/** Each class with all of its options that differ from the defaults, and a shape of samples. */
const CASES: Record<string, { make: () => object; sample?: readonly number[]; inputs?: number }> = {
  Activation: { make: () => new layers.Activation({ ...common, activation: "relu" }) },
  AveragePooling2D: {
    make: () => new layers.AveragePooling2D({ ...common, poolSize: 3, strides: [1, 2], padding: "same" }),
    sample: image,
  },
  BatchNormalization: {
    make: () =>
      new layers.BatchNormalization({ ...common, momentum: 0.5, epsilon: 0.1, scale: false, betaInitializer: "ones" }),
  },
  Bidirectional: {
    make: () =>
      new layers.Bidirectional({
        ...common,
        layer: new layers.GRU({ ...common, units: 2, name: "inner" }),
        mergeMode: "sum",
      }),
    sample: sequence,
  },
  Conv2D: {
    make: () =>
      new layers.Conv2D({
        ...common,
        filters: 6,
        kernelSize: [2, 3],
        strides: 2,
        padding: "same",
        groups: 2,
        activation: "tanh",
        useBias: false,
        kernelInitializer: new initializers.HeNormal(),
      }),
    sample: image,
  },
  Dense: {
    make: () =>
      new layers.Dense({
        ...common,
        units: 3,
        activation: "gelu",
        kernelInitializer: new initializers.RandomNormal({ mean: 1, stddev: 2 }),
        biasInitializer: new initializers.Constant({ value: 3 }),
      }),
  },
  Dropout: { make: () => new layers.Dropout({ ...common, rate: 0.3 }) },
  Embedding: { make: () => new layers.Embedding({ ...common, inputDim: 9, outputDim: 2, maskZero: true }) },
  Flatten: { make: () => new layers.Flatten(common), sample: image },
  GlobalAveragePooling2D: {
    make: () => new layers.GlobalAveragePooling2D({ ...common, keepDims: true }),
    sample: image,
  },
  GlobalMaxPooling2D: { make: () => new layers.GlobalMaxPooling2D({ ...common, keepDims: true }), sample: image },
  GRU: {
    make: () => new layers.GRU({ ...common, units: 2, returnSequences: true, dropout: 0.1, recurrentDropout: 0.2 }),
    sample: sequence,
  },
  InputLayer: { make: () => new layers.InputLayer({ name: "x", shape: [4], dtype: "int32" }) },
  LayerNormalization: { make: () => new layers.LayerNormalization({ ...common, epsilon: 0.1, center: false }) },
  LSTM: {
    make: () => new layers.LSTM({ ...common, units: 2, returnState: true, goBackwards: true, unitForgetBias: false }),
    sample: sequence,
  },
  Masking: { make: () => new layers.Masking({ ...common, maskValue: 7 }), sample: sequence },
  MaxPooling2D: { make: () => new layers.MaxPooling2D({ ...common, poolSize: [2, 1] }), sample: image },
  MultiHeadAttention: {
    make: () => new layers.MultiHeadAttention({ ...common, numHeads: 2, keyDim: 3, valueDim: 5, outputShape: [2, 3] }),
    sample: sequence,
  },
  Permute: { make: () => new layers.Permute({ ...common, dims: [2, 1] }), sample: sequence },
  PositionalEncoding: { make: () => new layers.PositionalEncoding({ ...common }), sample: sequence },
  RepeatVector: { make: () => new layers.RepeatVector({ ...common, n: 3 }) },
  Reshape: { make: () => new layers.Reshape({ ...common, targetShape: [2, -1] }) },
  RMSNormalization: { make: () => new layers.RMSNormalization({ ...common, epsilon: 0.1 }) },
  SimpleRNN: { make: () => new layers.SimpleRNN({ ...common, units: 2, activation: "relu" }), sample: sequence },
  TimeDistributed: {
    make: () =>
      new layers.TimeDistributed({ ...common, layer: new layers.Dense({ ...common, units: 2, name: "inner" }) }),
    sample: sequence,
  },
  TransformerDecoderBlock: {
    make: () =>
      new layers.TransformerDecoderBlock({ ...common, numHeads: 2, intermediateDim: 6, normalizeFirst: true }) as never,
    sample: sequence,
  },
  TransformerEncoderBlock: {
    make: () =>
      new layers.TransformerEncoderBlock({
        ...common,
        numHeads: 2,
        intermediateDim: 6,
        activation: "gelu",
        dropout: 0.1,
      }),
    sample: sequence,
  },
  UpSampling2D: {
    make: () => new layers.UpSampling2D({ ...common, size: [2, 3], interpolation: "bilinear" }),
    sample: image,
  },
  ZeroPadding2D: {
    make: () =>
      new layers.ZeroPadding2D({
        ...common,
        padding: [
          [1, 2],
          [3, 4],
        ],
      }),
    sample: image,
  },

  Add: { make: () => new layers.Add(common), inputs: 2 },
  Average: { make: () => new layers.Average(common), inputs: 2 },
  AveragePooling1D: { make: () => new layers.AveragePooling1D({ ...common, poolSize: 3 }), sample: sequence },
  Concatenate: { make: () => new layers.Concatenate({ ...common, axis: 1 }), inputs: 2 },
  Conv1D: {
    make: () => new layers.Conv1D({ ...common, filters: 2, kernelSize: 3, padding: "causal", dilationRate: 2 }),
    sample: sequence,
  },
  Conv2DTranspose: {
    make: () =>
      new layers.Conv2DTranspose({
        ...common,
        filters: 2,
        kernelSize: 3,
        strides: 2,
        padding: "same",
        outputPadding: 1,
      }),
    sample: image,
  },
  Cropping2D: {
    make: () =>
      new layers.Cropping2D({
        ...common,
        cropping: [
          [1, 2],
          [0, 1],
        ],
      }),
    sample: image,
  },
  DepthwiseConv2D: {
    make: () => new layers.DepthwiseConv2D({ ...common, kernelSize: 3, depthMultiplier: 2 }),
    sample: image,
  },
  ELU: { make: () => new layers.ELU({ ...common, alpha: 0.5 }) },
  GlobalAveragePooling1D: {
    make: () => new layers.GlobalAveragePooling1D({ ...common, keepDims: true }),
    sample: sequence,
  },
  GlobalMaxPooling1D: { make: () => new layers.GlobalMaxPooling1D({ ...common, keepDims: true }), sample: sequence },
  GroupNormalization: { make: () => new layers.GroupNormalization({ ...common, groups: 2 }), sample: image },
  LeakyReLU: { make: () => new layers.LeakyReLU({ ...common, negativeSlope: 0.1 }) },
  Maximum: { make: () => new layers.Maximum(common), inputs: 2 },
  MaxPooling1D: { make: () => new layers.MaxPooling1D({ ...common, poolSize: 2, strides: 1 }), sample: sequence },
  Minimum: { make: () => new layers.Minimum(common), inputs: 2 },
  Multiply: { make: () => new layers.Multiply(common), inputs: 2 },
  PReLU: { make: () => new layers.PReLU({ ...common, alphaInitializer: "ones", sharedAxes: [1] }), sample: sequence },
  ReLU: { make: () => new layers.ReLU({ ...common, maxValue: 6, negativeSlope: 0.1, threshold: 1 }) },
  SeparableConv2D: { make: () => new layers.SeparableConv2D({ ...common, filters: 3, kernelSize: 2 }), sample: image },
  Softmax: { make: () => new layers.Softmax({ ...common, axis: 1 }) },
  SpatialDropout2D: { make: () => new layers.SpatialDropout2D({ ...common, rate: 0.1 }), sample: image },
  Subtract: { make: () => new layers.Subtract(common), inputs: 2 },
};

/** A base, and a layer that holds a function. */
const NOT_SAVED = ["RecurrentLayer", "Lambda"];
const classes = Object.entries(layers as Record<string, unknown>)
  .filter(
    ([name, value]) =>
      typeof value === "function" && value.prototype instanceof layers.Layer && !NOT_SAVED.includes(name),
  )
  .map(([name]) => name);

/** As a file would hold it. */
const throughJson = (config: ClassConfig): ClassConfig => JSON.parse(JSON.stringify(config)) as ClassConfig;

describe("the config of a layer", () => {
  it("has a case for each class", () => {
    expect(classes.length).toBeGreaterThan(25);
    expect(Object.keys(CASES).sort()).toEqual(classes.sort());
  });

  it.each(Object.keys(CASES))("makes the same layer again: %s", (name) => {
    const { make, sample = [4], inputs = 1 } = CASES[name]!;
    const layer = make() as AnyLayer;
    const config = throughJson(classConfig(layer));
    expect(config.className).toBe(name);
    const again = layerFromConfig("test", config, {});
    expect(again.constructor).toBe(layer.constructor);
    expect(again).not.toBe(layer);
    expect(classConfig(again)).toEqual(config);
    // The fields are what the options say, weights and layers inside aside.
    const fields = (of: object): string =>
      JSON.stringify(of, (key, value: unknown) =>
        key === "givenOptions" || typeof value === "function" ? undefined : value,
      );
    expect(fields(again)).toBe(fields(layer));
    const symbolics = Array.from({ length: inputs }, () => Input({ shape: sample }));
    const x = inputs === 1 ? symbolics[0]! : symbolics;
    const shapes = [layer, again].map((each) => [each.apply(x)].flat().map(({ shape }) => shape));
    expect(shapes[0]).toEqual(shapes[1]);
    const weights = [layer, again].map((each) =>
      [...each.namedWeights()].map(([path, { shape, dtype }]) => [path, shape, dtype]),
    );
    expect(weights[0]).toEqual(weights[1]);
  });

  it("has the options of a layer that the user wrote", () => {
    class Shift extends layers.Layer {
      readonly by: number;
      constructor(options: layers.LayerOptions & { by: number }) {
        super(options, ["by"]);
        this.by = options.by;
      }
      call(): never {
        throw new Error("not called");
      }
    }
    const shift = new Shift({ by: 3, name: "shift" });
    const config = { name: "shift", trainable: true, dtype: "float32", by: 3 };
    expect(shift.getConfig()).toEqual(config);
    expect(() => layerFromConfig("test", classConfig(shift), {})).toThrow(/^test: unknown class of layers: "Shift"/);
    expect((layerFromConfig("test", classConfig(shift), { Shift }) as unknown as Shift).by).toBe(3);
  });

  it("is refused to a layer that holds a function", () => {
    expect(() => new layers.Lambda({ function: (x: Tensor) => x, name: "same" }).getConfig()).toThrow(
      new ArgumentError(
        "same: function cannot be saved: a function function, expected what JSON can hold, or an object with a getConfig",
      ),
    );
  });

  it("refuses options that the class refuses", () => {
    expect(() => layerFromConfig("test", { className: "Dense", config: { units: -1, name: "d" } }, {})).toThrow(
      new ArgumentError("d: units is wrong: -1, expected a positive integer"),
    );
    expect(() => layerFromConfig("test", { className: "constructor", config: {} }, {})).toThrow(
      /^test: unknown class of layers: "constructor"/,
    );
  });
});

describe("the config of a model", () => {
  it("is that of its graph", () => {
    const x = Input({ shape: [2], name: "in" });
    const model = new Model({ inputs: x, outputs: new layers.Dense({ units: 1, name: "out" }).apply(x), name: "m" });
    expect(model.getConfig()).toEqual({
      name: "m",
      dtype: "float32",
      inputs: [{ name: "in", shape: [2], dtype: "float32" }],
      takesList: false,
      layers: [{ className: "Dense", config: { name: "out", trainable: true, dtype: "float32", units: 1 } }],
      calls: [{ layer: 0, inputs: 0, options: {} }],
      outputs: 1,
    });
  });
});

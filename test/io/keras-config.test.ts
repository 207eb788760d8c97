import { describe, expect, it } from "vitest";
import { FormatError, Sequential, layers, tensor, type Tensor } from "nabla";
import { readKeras, toTensor, type Numbers } from "../support/keras.js";
import {
  DENSE,
  dense,
  kerasFile,
  object as layer,
  sequential,
  values,
  type KerasModel,
  type Named,
} from "../support/kerasFile.js";

const { file, load } = kerasFile();

describe("models as Keras 3 writes them", () => {
  interface Case extends KerasModel {
    readonly outputs: Numbers[];
  }
  const { cases } = readKeras<{ cases: Case[] }>("keras_layers_model");

  it.each([
    ["a graph of models", 0],
    ["a Sequential", 1],
  ])("%s", async (_, place) => {
    const { config, weights, inputs, outputs } = cases[place]!;
    const model = await load(config, weights);
    const xs = inputs.map((shape, i) => tensor(values(shape, i), { shape }));
    const ys = [await model.predict((xs.length === 1 ? xs[0]! : xs) as Tensor)].flat();
    expect(ys.map(({ shape }) => shape)).toEqual(outputs.map(({ shape }) => shape));
    for (const [i, y] of ys.entries()) {
      const expected = await toTensor(outputs[i]!).data();
      // The fixture has six decimals.
      (await y.data()).forEach((value: number, j: number) => expect(Math.abs(value - expected[j]!)).toBeLessThan(2e-6));
    }
  });

  it("a model_config inside of more", async () => {
    const model = await load({ keras_version: "3.15.1", model_config: sequential(dense()) }, DENSE);
    expect(model).toBeInstanceOf(Sequential);
    expect(await model.weights[1]!.toArray()).toEqual([...values([2], 1)]);
  });
});

describe("spellings of Keras 2", () => {
  it("a Sequential that is a list of layers", async () => {
    const model = await load(layer("Sequential", [dense()] as object), DENSE);
    expect(model.layers[0]).toMatchObject({ name: "d", units: 2 });
  });

  it("a Sequential whose shape is known from its building", async () => {
    const config = { layers: [dense({ batch_input_shape: undefined })], build_input_shape: [null, 3] };
    expect((await load(layer("Sequential", config), DENSE)).countParams()).toBe(8);
  });

  it("names of functions as objects, dtypes as policies, axes as lists, and what says nothing", async () => {
    const model = await load(
      sequential(
        dense({
          activation: { class_name: "function", config: "log_softmax", module: "builtins" },
          dtype: { class_name: "DTypePolicy", config: { name: "float32" } },
          kernel_initializer: {
            class_name: "VarianceScaling",
            config: { scale: 2, mode: "fan_in", distribution: "normal", seed: 3 },
          },
          bias_initializer: "zeros",
          use_bias: true,
          kernel_regularizer: null,
          quantization_config: null,
          lora_rank: null,
        }),
        layer("BatchNormalization", { name: "b", axis: [1], fused: true, renorm: false, virtual_batch_size: null }),
      ),
      [
        ...DENSE,
        ...["gamma", "beta", "moving_mean", "moving_variance"].map((name) => ({ name: `b/${name}`, shape: [2] })),
      ],
    );
    const [first, second] = model.layers as unknown as [layers.Dense, layers.BatchNormalization];
    expect(first.activation.name).toBe("logSoftmax");
    expect(first.getConfig()["kernelInitializer"]).toEqual({
      className: "VarianceScaling",
      config: { scale: 2, mode: "fanIn", distribution: "truncatedNormal" },
    });
    expect(second.axis).toBe(1);
  });

  it("a call by itself, and options of a call that change nothing", async () => {
    const graph = (node: unknown): object =>
      layer("Functional", {
        layers: [
          { ...layer("InputLayer", { batch_input_shape: [null, 3], name: "i" }), name: "i", inbound_nodes: [] },
          { ...dense(), name: "d", inbound_nodes: [node] },
        ],
        input_layers: ["i", 0, 0],
        output_layers: [["d", 0, 0]],
      });
    for (const node of [["i", 0, 0], [["i", 0, 0]], [["i", 0, 0, { training: false, mask: null }]]]) {
      expect((await load(graph(node), DENSE)).countParams()).toBe(8);
    }
    await expect(load(graph([["i", 0, 0, { training: true }]]), DENSE)).rejects.toThrow(
      `loadLayersModel: nabla does not have the option of a call: training is true for layer "d" (Dense) in ${file}`,
    );
  });

  it("regularizers and constraints are left out, with a warning", async () => {
    const warning = new Promise<Error>((resolve) => process.once("warning", resolve));
    await load(
      sequential(dense({ kernel_regularizer: { class_name: "L2", config: {} }, bias_constraint: "max_norm" })),
      DENSE,
    );
    expect((await warning).message).toBe(
      `loadLayersModel: left out, as they change only training: kernel_regularizer of layer "d" (Dense) and 1 more in ${file}`,
    );
  });
});

describe("classes of the user's own", () => {
  class Times extends layers.Layer {
    readonly factor: number;
    constructor({ scaleFactor, ...options }: { scaleFactor: number } & ConstructorParameters<typeof layers.Layer>[0]) {
      super(options, []);
      this.factor = scaleFactor;
    }
    call(x: Tensor): Tensor {
      return x.mul(this.factor);
    }
  }
  const times = {
    class_name: "Times",
    config: { name: "t", trainable: false, scale_factor: 3, batch_input_shape: [null, 2] },
  };

  it("are made with the options of the file", async () => {
    const model = await load(sequential(times), [], { customClasses: { Times } });
    expect(model.layers[0]).toMatchObject({ name: "t", trainable: false, factor: 3 });
    expect(await (await model.predict(tensor([[1, 2]]))).toArray()).toEqual([[3, 6]]);
  });

  it("may go by the name that Python registered them under", async () => {
    const other = { ...times, class_name: "Other", registered_name: "mine>Times" };
    const model = await load(sequential(other), [], { customClasses: { "mine>Times": Times } });
    expect(model.layers[0]).toBeInstanceOf(Times);
  });

  it("have to be classes of layers", async () => {
    await expect(load(sequential(times), [], { customClasses: { Times: 3 as never } })).rejects.toThrow(
      "loadLayersModel: customClasses.Times is wrong: 3, expected a class that extends layers.Layer",
    );
    await expect(load(sequential(times), [], { customClasses: [] as never })).rejects.toThrow("customClasses is wrong");
  });
});

describe("names of weights", () => {
  const lstm = sequential(
    layer("Bidirectional", {
      name: "both",
      batch_input_shape: [null, 4, 3],
      layer: layer("LSTM", {
        name: "lstm",
        units: 2,
        recurrent_activation: "sigmoid",
        implementation: 2,
        unroll: true,
      }),
    }),
    dense({ batch_input_shape: undefined }),
  );
  const halves = (name: (direction: string, weight: string) => string): Named[] =>
    ["forward", "backward"].flatMap((direction) => [
      { name: name(direction, "kernel"), shape: [3, 8] },
      { name: name(direction, "recurrent_kernel"), shape: [2, 8] },
      { name: name(direction, "bias"), shape: [8] },
    ]);
  const last: readonly Named[] = [
    { name: "d/kernel", shape: [4, 2] },
    { name: "d/bias", shape: [2] },
  ];

  it.each<[string, Named[]]>([
    ["of tfjs", halves((direction, weight) => `both/${direction}_lstm/${weight}`)],
    ["with cells", halves((direction, weight) => `both/${direction}_lstm/lstm_cell_7/${weight}`)],
    ["with scopes", halves((direction, weight) => `a/both/b/${direction}_lstm/cell/${weight}`)],
    ["by order", halves((direction, weight) => `both/${direction}_x/${weight}_y`)],
  ])("%s", async (_, weights) => {
    // In another order than the model has them, where names say which is which.
    const given = [...last, ...weights];
    const model = await load(lstm, given);
    const expected = [...weights, ...last].map(({ shape, name }) => [
      ...values(
        shape,
        given.findIndex((each) => each.name === name),
      ),
    ]);
    expect(model.weights.map((weight) => [...weight.dataSync()])).toEqual(expected);
  });

  it.each<[string, Named[], string]>([
    ["nothing", [], 'missing: "d/kernel", "d/bias"'],
    ["too little", [{ name: "d/bias", shape: [2] }], 'missing: "d/kernel"'],
    ["too much", [...DENSE, { name: "e/kernel", shape: [1] }], 'unexpected: "e/kernel"'],
    [
      "another shape",
      [{ name: "d/kernel", shape: [2, 3] }, DENSE[1]!],
      'of another shape or dtype: "d/kernel" is float32 [2,3], expected float32 [3,2]',
    ],
    ["other names", [{ name: "e/kernel", shape: [3, 2] }, DENSE[1]!], 'missing: "d/kernel"; unexpected: "e/kernel"'],
  ])("are compared with the model's: %s", async (_, weights, problem) => {
    const failure = await load(sequential(dense()), weights).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(FormatError);
    expect((failure as Error).message).toBe(`loadLayersModel: the tensors do not fit: ${problem}: in ${file}`);
  });
});

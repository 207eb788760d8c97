import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FormatError, Model, io } from "nabla";
import { readKeras } from "../support/keras.js";
import { DENSE, dense, kerasFile, object, sequential, type KerasModel } from "../support/kerasFile.js";

const { root, file, load } = kerasFile();

/** Every place of a value, and of those inside: the object and the name. */
function placesIn(value: object): [node: object, key: string][] {
  return Object.entries(value).flatMap(([key, inside]: [string, unknown]): [object, string][] => [
    [value, key],
    ...(typeof inside === "object" && inside !== null ? placesIn(inside) : []),
  ]);
}

describe("a model with two layers of one name inside", () => {
  it("has no place for the second one's weights", async () => {
    const twice = sequential(
      object("Sequential", { name: "a", layers: [dense()] }),
      object("Sequential", { name: "b", layers: [dense({ batch_input_shape: [null, 2] })] }),
    );
    await expect(load(twice, DENSE)).rejects.toThrow('missing: "d/kernel once more", "d/bias once more": in ');
  });
});

describe("what is no model", () => {
  const input = { ...object("InputLayer", { batch_input_shape: [null, 3], name: "i" }), name: "i", inbound_nodes: [] };
  const graph = (nodes: unknown, more: object = {}): object =>
    object("Model", {
      name: "g",
      layers: [input, { ...dense(), name: "d", inbound_nodes: nodes }],
      input_layers: [["i", 0, 0]],
      output_layers: [["d", 0, 0]],
      ...more,
    });
  const circle = {
    layers: [
      input,
      { ...object("Activation", { name: "a", activation: "relu" }), name: "a", inbound_nodes: [[["b", 0, 0, {}]]] },
      { ...object("Activation", { name: "b", activation: "relu" }), name: "b", inbound_nodes: [[["a", 0, 0, {}]]] },
    ],
    output_layers: [["b", 0, 0]],
  };
  const one = [[["i", 0, 0, {}]]];

  it.each<[string, unknown, string]>([
    [
      "no topology",
      null,
      'not a layers-model: FILE: its format is "layers-model", expected { modelTopology, weightsManifest }',
    ],
    ["no class", { config: {} }, 'not a model: {"config":{}} in FILE, expected { class_name, config }'],
    ["options that are none", object("Sequential", 3 as never), "not a model: "],
    ["a layer alone", dense(), 'not a model: the class is "Dense" in FILE, expected Sequential, Model or Functional'],
    [
      "no layers",
      object("Sequential", {}),
      "layers are wrong: nothing of model without a name (Sequential) in FILE, expected a list",
    ],
    ["an empty Sequential", sequential(), "the input shape is not known: no layer of FILE says it"],
    ["a layer that is none", sequential(3 as never), "not a layer: 3 in FILE, expected { class_name, config }"],
    [
      "an unknown class",
      sequential(object("Dens", { name: "x" })),
      'unknown layer class: layer "x" (Dens) in FILE, did you mean "Dense"?',
    ],
    [
      "a class of objects' own",
      sequential(object("constructor", {})),
      "unknown layer class: layer without a name (constructor)",
    ],
    [
      "an unknown option",
      sequential(dense({ colour: 1 })),
      'layer "d" (Dense) in FILE: Dense: unknown option: "colour"',
    ],
    [
      "an option that nabla has otherwise",
      sequential(object("Flatten", { name: "f", data_format: "channels_first" })),
      'nabla does not have the option: data_format is "channels_first" of layer "f" (Flatten) in FILE',
    ],
    [
      "a wrong option",
      sequential(dense({ units: -1 })),
      'layer "d" (Dense) in FILE: d: units is wrong: -1, expected a positive integer',
    ],
    [
      "an unknown activation",
      sequential(dense({ activation: "tan_h" })),
      'd: unknown activation: "tanH", did you mean "tanh"?',
    ],
    [
      "an activation that is none",
      sequential(dense({ activation: 3 })),
      "activation is wrong: 3, expected the name of an activation",
    ],
    [
      "an unknown initializer",
      sequential(dense({ kernel_initializer: object("Zero", {}) })),
      'unknown initializer: "Zero", did you mean "Zeros"?',
    ],
    [
      "an initializer that is none",
      sequential(dense({ kernel_initializer: 3 })),
      "kernel_initializer is wrong: 3, expected an initializer",
    ],
    ["another dtype", sequential(dense({ dtype: "mixed_float16" })), 'dtype is wrong: "mixed_float16"'],
    [
      "a sparse input",
      sequential(object("InputLayer", { name: "i", sparse: true })),
      "nabla does not have the option: sparse is true",
    ],
    ["a wrong shape", sequential(dense({ batch_input_shape: [null, "3"] })), "inputShape is wrong: "],
    [
      "layers that do not fit",
      sequential(dense(), object("LSTM", { name: "l", units: 1, recurrent_activation: "sigmoid" })),
      'model "s" (Sequential) in FILE: l: the input does not fit',
    ],
    [
      "gates of another kind",
      sequential(object("LSTM", { name: "l", units: 1, recurrent_activation: "hard_sigmoid" })),
      "l: ",
    ],
    ["no nodes", graph(undefined), 'inbound_nodes are wrong: nothing for layer "d" (Dense) in FILE'],
    ["nodes that are none", graph([3]), "inbound_nodes are wrong: 3 for "],
    ["an empty node", graph([[]]), "inbound_nodes are wrong: [] for "],
    [
      "a tensor that is none",
      graph([[["i", -1, 0]]]),
      'not a tensor: ["i",-1,0] for layer "d" (Dense) in FILE, expected [layer, node, index]',
    ],
    ["another spelling", graph([{ args: [3], kwargs: {} }]), "inbound_nodes are wrong: 3 for "],
    [
      "options of a call",
      graph([{ args: [], kwargs: { temperature: 1 } }]),
      "nabla does not have the option of a call: temperature is 1",
    ],
    [
      "no such layer",
      graph([[["x", 0, 0, {}]]]),
      'no such layer: "x" in model "g" (Model) in FILE, expected one of its own',
    ],
    [
      "no such use",
      graph([[["i", 1, 0, {}]]]),
      'no such use of layer "i" (InputLayer): 1 in model "g" (Model) in FILE, expected 0 to 0',
    ],
    ["no such result", graph([[["i", 0, 1, {}]]]), 'no such result of layer "i" (InputLayer): 1 in model "g"'],
    ["an output that is none", graph(one, { output_layers: 3 }), "not a tensor: 3 for model"],
    ["no output of its own", graph(one, { output_layers: [["d", 1, 0]] }), 'no such use of layer "d" (Dense): 1'],
    [
      "two layers of one name",
      graph(one, { layers: [input, input] }),
      'duplicate layer: "i" in model "g" (Model) in FILE',
    ],
    ["a layer without a name", graph(one, { layers: [{ ...input, name: 3 }] }), "a layer's name is wrong: 3"],
    [
      "a circle",
      graph(one, circle),
      'layers need each other\'s results in model "g" (Model) in FILE, expected a graph without circles',
    ],
    [
      "an input of its own",
      graph(one, { input_layers: [["d", 0, 0]], output_layers: [["i", 0, 0]] }),
      'model "g" (Model) in FILE: g: ',
    ],
  ])("is refused: %s", async (_, topology, message) => {
    const failure = await load(topology).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(FormatError);
    expect((failure as Error).message).toMatch(/^loadLayersModel: /);
    expect((failure as Error).message).toContain(message.replaceAll("FILE", file));
    expect((failure as Error).message).toContain(file);
  });

  it("gives errors of nabla for whatever stands in a configuration", async () => {
    const { cases } = readKeras<{ cases: KerasModel[] }>("keras_layers_model");
    const odd: unknown[] = [
      null,
      -1,
      0.5,
      "x",
      "constructor",
      [],
      [[]],
      {},
      { constructor: 1 },
      { class_name: "Dense" },
    ];
    let refused = 0;
    for (let i = 0; i < 240; i++) {
      const { config, weights } = cases[i % 2]!;
      const copy = structuredClone(config);
      const places = placesIn(copy);
      const [node, key] = places[(i * 7919) % places.length]!;
      // As JSON.parse does it: also "__proto__" is a name like others.
      const property = { value: odd[i % odd.length], enumerable: true, configurable: true, writable: true };
      Object.defineProperty(node, [key, "__proto__", key, "constructor"][i % 4]!, property);
      const failure = await load(copy, weights).catch((error: unknown) => error);
      if (failure instanceof Model) continue;
      refused++;
      expect([failure, failure instanceof FormatError]).toEqual([failure, true]);
    }
    expect(refused).toBeGreaterThan(100);
  });

  it("is refused before a layer takes more memory than its file has", async () => {
    await expect(load(sequential(dense({ units: 2 ** 29, name: "big" })), DENSE)).rejects.toThrow(
      `loadLayersModel: model "s" (Sequential) in ${file}: big: more weights than expected: kernel has 1610612736 elements, 4194312 are left`,
    );
  });

  it("is refused: a graph-model, deep JSON, no file", async () => {
    writeFileSync(file, '{"format":"graph-model","modelTopology":{"node":[]}}');
    await expect(io.loadLayersModel(file)).rejects.toThrow("loadLayersModel: not a model: ");
    writeFileSync(file, "[".repeat(10_000));
    await expect(io.loadLayersModel(file)).rejects.toThrow(`JSON nested too deeply: ${file} at character 256`);
    const missing = join(root, "none.json");
    await expect(io.loadLayersModel(missing)).rejects.toThrow(`loadLayersModel: file not found: ${missing}`);
    await expect(io.loadLayersModel(file, { custom: {} } as never)).rejects.toThrow('unknown option: "custom"');
    await expect(io.loadLayersModel("")).rejects.toThrow('loadLayersModel: path is wrong: ""');
  });
});

import { FormatError } from "../errors.js";
import { Input } from "../layers/inputLayer.js";
import { checkBatchShape } from "../layers/batchShape.js";
import { Bidirectional } from "../layers/bidirectional.js";
import type { Layer } from "../layers/layer.js";
import { RecurrentLayer } from "../layers/recurrent.js";
import type { AnyLayer, SymbolicTensor } from "../layers/symbolic.js";
import { Model, type AnyModel } from "../models/model.js";
import { Sequential } from "../models/sequential.js";
import { describeObject, fromFile, kerasObject, type KerasObject, type Reading } from "./keras-config.js";
import { inputOptionsFrom, layerFrom } from "./keras-layer.js";
import { endsOf, nodesOf, type KerasNode, type TensorRef } from "./keras-nodes.js";
import { show } from "./json.js";

/** Whether objects of this class are models. */
export function isModelClass(className: string): boolean {
  return className === "Sequential" || className === "Model" || className === "Functional";
}

/** The model of a configuration, with the weights that its initializers make. @throws FormatError */
export function modelFrom(reading: Reading, object: KerasObject): AnyModel {
  const { className, config } = object;
  const what = describeObject("model", object);
  if (!Array.isArray(config["layers"])) {
    throw new FormatError(
      `${reading.op}: layers are wrong: ${show(config["layers"])} of ${what} in ${reading.file}, expected a list of layers`,
    );
  }
  const list = config["layers"] as unknown[];
  const model =
    className === "Sequential" ? sequentialFrom(reading, config, list, what) : graphFrom(reading, config, list, what);
  if (config["trainable"] === false) model.trainable = false;
  return model;
}

function sequentialFrom(
  reading: Reading,
  config: KerasObject["config"],
  list: readonly unknown[],
  what: string,
): Sequential {
  const layers = list.map((layer) => layerFrom(reading, layer) as Layer);
  return fromFile(reading, what, () => {
    const model = new Sequential(layers, nameOf(config));
    const shape = config["build_input_shape"];
    if (!model.built && Array.isArray(shape)) {
      model.build([null, ...checkBatchShape(model.name, "build_input_shape", shape.slice(1))]);
    }
    return model;
  });
}

function nameOf({ name }: KerasObject["config"]): { name?: string } {
  return name === undefined ? {} : { name: name as string };
}

/** A layer of a graph, and its uses there. */
interface Entry {
  /** Null for an input. */
  readonly layer: AnyLayer | null;
  readonly what: string;
  readonly nodes: readonly KerasNode[];
  /** The number of the first node in references: models may have one of their own before. */
  readonly firstNode: number;
  /** What the nodes give, as far as they have been run. */
  readonly results: (readonly SymbolicTensor[])[];
}

/** A use of a layer that waits for so many others. */
interface Use {
  readonly entry: Entry;
  readonly node: number;
  missing: number;
}

function graphFrom(reading: Reading, config: KerasObject["config"], list: readonly unknown[], what: string): Model {
  const wrong = (problem: string, expected: string): FormatError =>
    new FormatError(`${reading.op}: ${problem} in ${what} in ${reading.file}, expected ${expected}`);
  const entries = new Map<string, Entry>();
  for (const value of list) {
    const object = kerasObject(reading, value, "a layer");
    const name = object.fields["name"] ?? object.config["name"];
    if (typeof name !== "string") throw wrong(`a layer's name is wrong: ${show(name)}`, "a string");
    if (entries.has(name)) throw wrong(`duplicate layer: ${show(name)}`, "different names");
    entries.set(name, entryFrom(reading, object, value));
  }
  const resolve = ({ layer, node, index }: TensorRef): { entry: Entry; place: number; index: number } => {
    const entry = entries.get(layer);
    if (!entry) throw wrong(`no such layer: ${show(layer)}`, "one of its own");
    const place = node - entry.firstNode;
    const count = entry.layer ? entry.nodes.length : 1;
    if (place >= 0 && place < count) return { entry, place, index };
    throw wrong(`no such use of ${entry.what}: ${node}`, `${entry.firstNode} to ${entry.firstNode + count - 1}`);
  };
  const tensorOf = (ref: TensorRef): SymbolicTensor => {
    const { entry, place, index } = resolve(ref);
    const results = entry.results[place]!;
    if (index < results.length) return results[index]!;
    throw wrong(`no such result of ${entry.what}: ${index}`, `0 to ${results.length - 1}`);
  };
  runUses(entries, resolve, tensorOf, reading, () =>
    wrong("layers need each other's results", "a graph without circles"),
  );
  const [inputs, outputs] = ["input_layers", "output_layers"].map((key) =>
    endsOf(reading, config[key], what).map(tensorOf),
  ) as [SymbolicTensor[], SymbolicTensor[]];
  const oneOrAll = (tensors: SymbolicTensor[]): SymbolicTensor | SymbolicTensor[] =>
    tensors.length === 1 ? tensors[0]! : tensors;
  return fromFile(
    reading,
    what,
    () => new Model({ inputs: oneOrAll(inputs), outputs: oneOrAll(outputs), ...nameOf(config) }),
  );
}

function entryFrom(reading: Reading, object: KerasObject, value: unknown): Entry {
  const what = describeObject("layer", object);
  if (object.className === "InputLayer") {
    const input = fromFile(reading, what, () => Input(inputOptionsFrom(reading, object) as never));
    return { layer: null, what, nodes: [], firstNode: 0, results: [[input]] };
  }
  const { nodes, spelling } = nodesOf(reading, object.fields["inbound_nodes"], what);
  const firstNode = isModelClass(object.className) && spelling === "list" ? 1 : 0;
  return { layer: layerFrom(reading, value), what, nodes, firstNode, results: [] };
}

/** Applies each layer once for each of its nodes, after the others that it needs. */
function runUses(
  entries: ReadonlyMap<string, Entry>,
  resolve: (ref: TensorRef) => { entry: Entry; place: number },
  tensorOf: (ref: TensorRef) => SymbolicTensor,
  reading: Reading,
  circle: () => FormatError,
): void {
  const uses: Use[] = [];
  /** Which uses wait for a node of an entry. */
  const waiting = new Map<Entry, Use[][]>();
  for (const entry of entries.values()) {
    entry.nodes.forEach((node, i) => {
      const use: Use = { entry, node: i, missing: 0 };
      uses.push(use);
      for (const ref of [...node.inputs, ...node.initialState]) {
        const { entry: source, place } = resolve(ref);
        if (source.layer === null) continue;
        use.missing++;
        const lists = waiting.get(source) ?? [];
        waiting.set(source, lists);
        (lists[place] ??= []).push(use);
      }
    });
  }
  const ready = uses.filter(({ missing }) => missing === 0);
  // Grows while it is gone through.
  for (const { entry, node } of ready) {
    const { inputs, takesList, initialState } = entry.nodes[node]!;
    const [first, ...rest] = inputs.map(tensorOf);
    const states = initialState.map(tensorOf);
    entry.results[node] = fromFile(reading, entry.what, () => {
      const layer = entry.layer!;
      // The states of a recurrent layer are further inputs in files of Keras 2.
      const given = isRecurrent(layer) && takesList ? rest : states;
      const x = takesList && given !== rest ? [first!, ...rest] : first!;
      const result = layer.apply(x as never, (given.length > 0 ? { initialState: given } : {}) as never) as unknown;
      return Array.isArray(result) ? (result as SymbolicTensor[]) : [result as SymbolicTensor];
    });
    for (const use of waiting.get(entry)?.[node] ?? []) if (--use.missing === 0) ready.push(use);
  }
  if (ready.length < uses.length) throw circle();
}

function isRecurrent(layer: AnyLayer): boolean {
  return (layer as unknown) instanceof RecurrentLayer || (layer as unknown) instanceof Bidirectional;
}

import { classConfig, fromJson, toJson, type ClassConfig, type Config, type Json } from "../config.js";
import { FormatError } from "../errors.js";
import { checkDType } from "../dtype.js";
import type { BatchShape } from "../layers/batchShape.js";
import type { MakeLayer } from "../layers/fromConfig.js";
import { Input } from "../layers/inputLayer.js";
import { SymbolicTensor, type AnyLayer } from "../layers/symbolic.js";
import type { Graph, Symbolics } from "./graph.js";

// A graph as JSON: its inputs, its layers, and the calls of these in order. A symbolic tensor is a place in the list of the
// inputs followed by all results of the calls; in the options of a call it is { symbolic: place }.

/** @throws ArgumentError for layers and options that no file can hold. */
export function graphToConfig(op: string, graph: Graph): Config {
  const places = new Map<SymbolicTensor, number>();
  const place = (symbolic: SymbolicTensor): void => void places.set(symbolic, places.size);
  graph.inputs.forEach(place);
  const layers = [...new Set(graph.calls.map(({ layer }) => layer))];
  const calls = graph.calls.map((call) => {
    const inputs = call.inputs.map((input) => places.get(input)!);
    const options = Object.fromEntries(
      Object.entries(call.options).map(([name, value]) => [name, optionToJson(op, name, value, places)]),
    );
    call.outputs.forEach(place);
    return { layer: layers.indexOf(call.layer), inputs: call.takesList ? inputs : inputs[0]!, options };
  });
  const outputs = graph.outputs.map((output) => places.get(output)!);
  return {
    inputs: graph.inputs.map(({ name, shape, dtype }) => ({ name, shape: shape.slice(1), dtype })),
    takesList: graph.takesList,
    layers: layers.map((layer) => ({ ...classConfig(layer) })),
    calls,
    outputs: graph.givesList ? outputs : outputs[0]!,
  };
}

function optionToJson(op: string, name: string, value: unknown, places: ReadonlyMap<SymbolicTensor, number>): Json {
  if (value instanceof SymbolicTensor) return { symbolic: places.get(value)! };
  if (Array.isArray(value)) return value.map((each) => optionToJson(op, name, each, places));
  return toJson(op, `option ${name} of a call`, value);
}

interface GraphConfig {
  readonly inputs: readonly { readonly name: string; readonly shape: BatchShape; readonly dtype: string }[];
  readonly takesList: boolean;
  readonly layers: readonly ClassConfig[];
  readonly calls: readonly {
    readonly layer: number;
    readonly inputs: number | readonly number[];
    readonly options: Config;
  }[];
  readonly outputs: number | readonly number[];
}

/** Inputs and outputs of the graph that a config stands for, with new layers. @throws FormatError for what is none. */
export function graphFromConfig(config: Config, make: MakeLayer): { inputs: Symbolics; outputs: Symbolics } {
  const given = config as unknown as GraphConfig;
  const symbolics: SymbolicTensor[] = given.inputs.map(({ name, shape, dtype }) =>
    Input({ name, shape, dtype: checkDType("Input", dtype) }),
  );
  const inputs = symbolics.slice();
  const find = (place: number): SymbolicTensor => {
    const found = symbolics[place];
    if (found) return found;
    throw new FormatError(`loadModel: no such symbolic tensor: place ${place} of ${symbolics.length}`);
  };
  const all = (places: number | readonly number[]): Symbolics =>
    typeof places === "number" ? find(places) : places.map(find);
  const layers: AnyLayer[] = given.layers.map(make);
  for (const call of given.calls) {
    const layer = layers[call.layer];
    if (!layer) throw new FormatError(`loadModel: no such layer: place ${call.layer} of ${layers.length}`);
    const made = layer.apply(all(call.inputs), optionsFromJson(call.options, find, make));
    symbolics.push(...(made instanceof SymbolicTensor ? [made] : made));
  }
  return { inputs: given.takesList ? inputs : inputs[0]!, outputs: all(given.outputs) };
}

function optionsFromJson(options: Config, find: (place: number) => SymbolicTensor, make: MakeLayer): object {
  const revive = (value: Json): unknown => {
    if (Array.isArray(value)) return value.map(revive);
    if (typeof value === "object" && value !== null && "symbolic" in value) return find((value as never)["symbolic"]);
    return fromJson(value, make);
  };
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [name, revive(value)]));
}

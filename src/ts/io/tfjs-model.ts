import { ArgumentError } from "../errors.js";
import type { Json } from "../config.js";
import { InputLayer } from "../layers/inputLayer.js";
import { SymbolicTensor, type AnyLayer, type LayerCall } from "../layers/symbolic.js";
import { Model, type AnyModel } from "../models/model.js";
import { Sequential } from "../models/sequential.js";
import { layerTo, type TfjsObject } from "./tfjs-layer.js";

/** The configuration of a model, as tfjs reads it. @throws ArgumentError, DTypeError for what tfjs does not have. */
export function modelTo(op: string, model: AnyModel): TfjsObject {
  if (model.constructor === Sequential) return sequentialTo(op, model as unknown as Sequential);
  if (model.constructor === Model) return graphTo(op, model);
  throw new ArgumentError(
    `${op}: not a graph of layers: ${model.name} is a ${model.constructor.name}, expected a Sequential or a Model of inputs and outputs`,
  );
}

function objectTo(op: string, layer: AnyLayer): TfjsObject {
  return layer instanceof Model ? modelTo(op, layer as AnyModel) : layerTo(op, layer);
}

function sequentialTo(op: string, model: Sequential): TfjsObject {
  const shape = model.inputShape;
  if (shape === null) {
    throw new ArgumentError(`${op}: the model is not built: the input shape of ${model.name} is not known`);
  }
  const layers = (model.layers as readonly AnyLayer[]).map((layer, i) => {
    const { class_name, config } = objectTo(op, layer);
    // A model that comes first says the shape by itself.
    const input = i === 0 && !(layer instanceof Model) ? { batch_input_shape: shape, dtype: "float32" } : {};
    return { class_name, config: { ...input, ...config } };
  });
  return { class_name: "Sequential", config: { name: model.name, layers: layers as unknown as Json } };
}

/** A layer's place among its uses, as references to it say: the models that tfjs makes have one use of their own. */
const firstNode = (layer: AnyLayer): number => (layer instanceof Model ? 1 : 0);

function graphTo(op: string, model: AnyModel): TfjsObject {
  const uses = new Map<AnyLayer, LayerCall[]>();
  for (const call of model.calls) uses.set(call.layer, [...(uses.get(call.layer) ?? []), call]);
  const ref = ({ source, index }: SymbolicTensor): Json[] => {
    const { layer } = source;
    const place = layer instanceof InputLayer ? 0 : uses.get(layer)!.indexOf(source) + firstNode(layer);
    return [layer.name, place, index];
  };
  const inputs = model.inputs.map((input) => {
    const { layer } = input.source;
    if (layer instanceof InputLayer) return inputTo(layer);
    throw new ArgumentError(`${op}: an input is no Input: ${model.name} begins with a result of "${layer.name}"`);
  });
  const layers = [...uses].map(([layer, calls]) => ({
    name: layer.name,
    ...objectTo(op, layer),
    inbound_nodes: calls.map((call) => argumentsOf(op, call).map((symbolic) => [...ref(symbolic), {}])),
  }));
  return {
    class_name: "Model",
    config: {
      name: model.name,
      layers: [...inputs, ...layers] as unknown as Json,
      input_layers: model.inputs.map(ref),
      output_layers: model.outputs.map(ref),
    },
  };
}

function inputTo({ name, batchInputShape, inputDType }: InputLayer): object {
  const config = { batch_input_shape: batchInputShape, dtype: inputDType, sparse: false, name };
  return { name, class_name: "InputLayer", config, inbound_nodes: [] };
}

/** What a layer is applied to: also the first states of a recurrent one. @throws ArgumentError for other options. */
function argumentsOf(op: string, { layer, inputs, options }: LayerCall): readonly SymbolicTensor[] {
  const { initialState = [], ...others } = options;
  const [other] = Object.entries(others).find(([, value]) => value !== undefined && value !== null) ?? [];
  const states = (initialState ?? []) as readonly unknown[];
  if (other === undefined && states.every((state) => state instanceof SymbolicTensor)) return [...inputs, ...states];
  throw new ArgumentError(
    `${op}: tfjs does not keep the options of a call: "${layer.name}" is called with ${other ?? "initialState"}`,
  );
}

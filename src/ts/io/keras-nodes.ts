import { FormatError } from "../errors.js";
import { isObject, show } from "./json.js";
import type { Reading } from "./keras-config.js";

/** A tensor in a graph: a result of the use of a layer. */
export interface TensorRef {
  readonly layer: string;
  /** Which use of the layer. */
  readonly node: number;
  /** Which of its results. */
  readonly index: number;
}

/** A use of a layer. */
export interface KerasNode {
  readonly inputs: readonly TensorRef[];
  readonly takesList: boolean;
  /** The first states of a recurrent layer. */
  readonly initialState: readonly TensorRef[];
}

/** A use as Keras 2 and tfjs write it is a list; Keras 3 writes objects, and counts the uses of models in another way. */
export type NodeSpelling = "list" | "object";

/** The uses of a layer, from `inbound_nodes` in either spelling. @throws FormatError */
export function nodesOf(
  reading: Reading,
  value: unknown,
  what: string,
): { nodes: KerasNode[]; spelling: NodeSpelling } {
  if (!Array.isArray(value)) throw wrongNode(reading, value, what);
  const spelling = value.some(isObject) ? "object" : "list";
  const nodes = (value as unknown[]).map((node) =>
    spelling === "object" ? nodeOfObject(reading, node, what) : nodeOfList(reading, node, what),
  );
  return { nodes, spelling };
}

/** `[["a", 0, 0, {}], ["b", 0, 0, {}]]`, or the only one of them by itself. */
function nodeOfList(reading: Reading, node: unknown, what: string): KerasNode {
  if (!Array.isArray(node) || node.length === 0) throw wrongNode(reading, node, what);
  const list: unknown[] = typeof node[0] === "string" ? [node] : node;
  const inputs = list.map((each) => {
    const kwargs: unknown = Array.isArray(each) ? (each[3] ?? {}) : null;
    if (!isObject(kwargs)) throw wrongNode(reading, node, what);
    for (const [key, option] of Object.entries(kwargs)) checkNeutral(reading, key, option, what);
    return tensorRef(reading, each, what);
  });
  return { inputs, takesList: inputs.length > 1, initialState: [] };
}

/** `{ args: [tensor, or a list of them], kwargs }` */
function nodeOfObject(reading: Reading, node: unknown, what: string): KerasNode {
  if (!isObject(node) || !Array.isArray(node["args"])) throw wrongNode(reading, node, what);
  const { args, kwargs = {} } = node;
  if (!isObject(kwargs)) throw wrongNode(reading, node, what);
  const [x, ...others] = args as unknown[];
  const { initial_state: initialState = null, ...options } = kwargs;
  for (const [key, option] of Object.entries(options)) checkNeutral(reading, key, option, what);
  for (const option of others) checkNeutral(reading, "an argument", option, what);
  const tensors = (list: unknown): TensorRef[] =>
    (Array.isArray(list) ? (list as unknown[]) : [list]).map((each) => kerasTensor(reading, each, what));
  return {
    inputs: tensors(x),
    takesList: Array.isArray(x),
    initialState: initialState === null ? [] : tensors(initialState),
  };
}

function kerasTensor(reading: Reading, value: unknown, what: string): TensorRef {
  if (!isObject(value) || value["class_name"] !== "__keras_tensor__" || !isObject(value["config"])) {
    throw wrongNode(reading, value, what);
  }
  return tensorRef(reading, value["config"]["keras_history"], what);
}

/** Options of a call are taken only where they are those of a call without them. */
function checkNeutral({ op, file }: Reading, key: string, value: unknown, what: string): void {
  if (value === null || (key === "training" && value === false)) return;
  throw new FormatError(
    `${op}: nabla does not have the option of a call: ${key} is ${show(value)} for ${what} in ${file}`,
  );
}

function wrongNode({ op, file }: Reading, value: unknown, what: string): FormatError {
  return new FormatError(
    `${op}: inbound_nodes are wrong: ${show(value)} for ${what} in ${file}, expected tensors of layers`,
  );
}

function tensorRef(reading: Reading, value: unknown, what: string): TensorRef {
  const [layer, node, index] = Array.isArray(value) ? (value as unknown[]) : [];
  const isPlace = (place: unknown): place is number => Number.isSafeInteger(place) && (place as number) >= 0;
  if (typeof layer !== "string" || !isPlace(node) || !isPlace(index)) {
    const { op, file } = reading;
    throw new FormatError(`${op}: not a tensor: ${show(value)} for ${what} in ${file}, expected [layer, node, index]`);
  }
  return { layer, node, index };
}

/** Where a graph begins or ends: one tensor, or a list. @throws FormatError */
export function endsOf(reading: Reading, value: unknown, what: string): readonly TensorRef[] {
  const list = Array.isArray(value) && typeof value[0] !== "string" ? (value as unknown[]) : [value];
  return list.map((each) => tensorRef(reading, each, what));
}

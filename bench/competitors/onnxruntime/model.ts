/** Writes ONNX models: the few fields of onnx.proto3 that they take, in protobuf's wire format. */

type Attribute = { name: string; value: number | number[] };
type Input = { name: string; shape: number[] };
type Constant = Input & { data: Float32Array };

interface OneNode {
  op: string;
  /** Of an operator that is not ONNX's own. */
  domain?: string;
  attributes: Attribute[];
  /** In order; one that has data is a constant of the model. */
  inputs: (Input | Constant)[];
  outputShape: number[];
}

export interface Node {
  op: string;
  domain?: string;
  attributes: Attribute[];
  /** Names of inputs, constants, or other nodes' outputs. */
  inputs: string[];
  output: string;
}

interface Graph {
  /** The last one's output is called OUTPUT. */
  nodes: Node[];
  inputs: Input[];
  constants: Constant[];
  outputShape: number[];
}

const FLOAT = 1;
const OPSET = 17;

/** The name of the only output. */
export const OUTPUT = "y";

export function oneNodeModel({ op, domain, attributes, inputs, outputShape }: OneNode): Uint8Array {
  const isConstant = (input: Input | Constant): input is Constant => "data" in input;
  return graphModel({
    nodes: [{ op, ...(domain ? { domain } : {}), attributes, inputs: inputs.map(({ name }) => name), output: OUTPUT }],
    inputs: inputs.filter((input) => !isConstant(input)),
    constants: inputs.filter(isConstant),
    outputShape,
  });
}

export function graphModel({ nodes, inputs, constants, outputShape }: Graph): Uint8Array {
  const graph = [
    ...nodes.map((node) => message(1, nodeProto(node))),
    text(2, "graph"),
    ...constants.map(({ name, shape, data }) => message(5, tensor(name, shape, data))),
    ...inputs.map(({ name, shape }) => message(11, valueInfo(name, shape))),
    message(12, valueInfo(OUTPUT, outputShape)),
  ];
  const domains = new Set(nodes.flatMap(({ domain }) => domain ?? []));
  const opsets = [[text(1, ""), integer(2, OPSET)], ...[...domains].map((domain) => [text(1, domain), integer(2, 1)])];
  return Buffer.concat([integer(1, 8), message(7, graph), ...opsets.map((opset) => message(8, opset))]);
}

function nodeProto({ op, domain, attributes, inputs, output }: Node): Buffer[] {
  return [
    ...inputs.map((name) => text(1, name)),
    text(2, output),
    text(4, op),
    ...(domain ? [text(7, domain)] : []),
    ...attributes.map((attribute) => message(5, attributeProto(attribute))),
  ];
}

function attributeProto({ name, value }: Attribute): Buffer[] {
  const [INT, INTS] = [2, 7];
  return typeof value === "number"
    ? [text(1, name), integer(3, value), integer(20, INT)]
    : [text(1, name), ...value.map((v) => integer(8, v)), integer(20, INTS)];
}

function valueInfo(name: string, shape: number[]): Buffer[] {
  const dimensions = shape.map((size) => message(1, [integer(1, size)]));
  return [text(1, name), message(2, [message(1, [integer(1, FLOAT), message(2, dimensions)])])];
}

function tensor(name: string, shape: number[], data: Float32Array): Buffer[] {
  const raw = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return [...shape.map((size) => integer(1, size)), integer(2, FLOAT), text(8, name), bytes(9, raw)];
}

function varint(value: number): Buffer {
  const parts: number[] = [];
  for (; value > 127; value = Math.floor(value / 128)) parts.push((value % 128) | 128);
  return Buffer.from([...parts, value]);
}

function integer(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)]);
}

function bytes(field: number, value: Buffer): Buffer {
  return Buffer.concat([varint(field * 8 + 2), varint(value.length), value]);
}

function text(field: number, value: string): Buffer {
  return bytes(field, Buffer.from(value));
}

function message(field: number, parts: Buffer[]): Buffer {
  return bytes(field, Buffer.concat(parts));
}

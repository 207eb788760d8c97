import { Tensor } from "onnxruntime-node";
import { BLOCKS, DENSE, FEATURES, SIDE, type Vgg16Params } from "../../cases/vgg16.js";
import { sample, tiled } from "../../harness/inputs.js";
import { Unsupported, type Subject } from "../../harness/serve.js";
import { channelsFirst, transpose } from "./conv2d.js";
import { OUTPUT, graphModel, type Node } from "./model.js";
import { subject } from "./session.js";

const UNITS = DENSE.forward;

export function vgg16({ batch, head }: Vgg16Params): Promise<Subject> {
  if (head) throw new Unsupported("no gradients");
  const shape = [batch, 3, SIDE, SIDE];
  const outputShape = [batch, UNITS.at(-1)!];
  const model = graphModel({ ...graph(), inputs: [{ name: "x", shape }], outputShape });
  const x = channelsFirst(tiled(1, batch * SIDE * SIDE * 3), batch, SIDE * SIDE, 3);
  return subject(model, { x: new Tensor(x, shape) }, outputShape, sample);
}

function graph(): { nodes: Node[]; constants: { name: string; shape: number[]; data: Float32Array }[] } {
  const nodes: Node[] = [];
  const constants: { name: string; shape: number[]; data: Float32Array }[] = [];
  let last = "x";
  const add = (op: string, attributes: Node["attributes"] = [], more: string[] = []): void => {
    const output = `${op}${nodes.length}`;
    nodes.push({ op, attributes, inputs: [last, ...more], output });
    last = output;
  };
  const constant = (name: string, size: number[], data: Float32Array): string => {
    constants.push({ name, shape: size, data });
    return name;
  };
  let [inputs, seed] = [3, 10];
  for (const [outputs, count] of BLOCKS) {
    for (let i = 0; i < count; i++) {
      const kernel = transpose(tiled(seed, 9 * inputs * outputs, Math.sqrt(6 / (9 * inputs))), 9, inputs, outputs);
      const attributes = [
        { name: "kernel_shape", value: [3, 3] },
        { name: "pads", value: [1, 1, 1, 1] },
      ];
      const bias = constant(`b${seed}`, [outputs], new Float32Array(outputs));
      add("Conv", attributes, [constant(`w${seed}`, [outputs, inputs, 3, 3], kernel), bias]);
      add("Relu");
      [inputs, seed] = [outputs, seed + 1];
    }
    const pair = [2, 2];
    add("MaxPool", [
      { name: "kernel_shape", value: pair },
      { name: "strides", value: pair },
    ]);
  }
  add("Flatten");
  UNITS.forEach((outputs, i) => {
    const rows = UNITS[i - 1] ?? FEATURES;
    const kernel = tiled(30 + i, rows * outputs, Math.sqrt(6 / rows));
    const bias = constant(`c${i}`, [outputs], new Float32Array(outputs));
    add("Gemm", [], [constant(`d${i}`, [rows, outputs], i === 0 ? rowsChannelsFirst(kernel, outputs) : kernel), bias]);
    if (i < UNITS.length - 1) add("Relu");
  });
  nodes.at(-1)!.output = OUTPUT;
  return { nodes, constants };
}

/** Rows in the order of 49 pixels of 512 channels to 512 channels of 49 pixels. */
function rowsChannelsFirst(kernel: Float32Array, columns: number): Float32Array {
  const result = new Float32Array(kernel.length);
  for (let pixel = 0; pixel < 49; pixel++)
    for (let channel = 0; channel < 512; channel++) {
      const from = (pixel * 512 + channel) * columns;
      result.set(kernel.subarray(from, from + columns), (channel * 49 + pixel) * columns);
    }
  return result;
}

import { Tensor } from "onnxruntime-node";
import { recurrentInputs, type RecurrentParams } from "../../cases/recurrent.js";
import { samplePlaces } from "../../harness/inputs.js";
import { Unsupported, type Subject } from "../../harness/serve.js";
import { oneNodeModel } from "./model.js";
import { subject } from "./session.js";

/** In its own layout, steps first, with weights that are constants of the model. */
export function lstm(params: RecurrentParams): Promise<Subject> {
  const { batch, steps, inputs, units, backward } = params;
  if (backward) throw new Unsupported("no gradients");
  const given = recurrentInputs(params);
  const shape = [steps, batch, inputs];
  const outputShape = [steps, 1, batch, units];
  const model = oneNodeModel({
    op: "LSTM",
    attributes: [{ name: "hidden_size", value: units }],
    inputs: [
      { name: "x", shape },
      { name: "w", shape: [1, 4 * units, inputs], data: gatesFirst(given.kernel, inputs, units) },
      { name: "r", shape: [1, 4 * units, units], data: gatesFirst(given.recurrentKernel, units, units) },
      { name: "b", shape: [1, 8 * units], data: biases(gatesFirst(given.bias, 1, units)) },
    ],
    outputShape,
  });
  const x = new Float32Array(given.x.length);
  for (let b = 0; b < batch; b++)
    for (let t = 0; t < steps; t++) {
      const at = (b * steps + t) * inputs;
      x.set(given.x.subarray(at, at + inputs), (t * batch + b) * inputs);
    }
  /** The places of the samples of [batch, steps, units]. */
  const places = samplePlaces(batch * steps * units).map((place) => {
    const [b, t, j] = [Math.floor(place / (steps * units)), Math.floor(place / units) % steps, place % units];
    return (t * batch + b) * units + j;
  });
  return subject(model, { x: new Tensor(x, shape) }, outputShape, (y) => places.map((place) => y[place]!));
}

/** [rows, 4 units] with the gates input, forget, cell, output to [4 units, rows] with input, output, forget, cell. */
function gatesFirst(matrix: Float32Array, rows: number, units: number): Float32Array {
  const result = new Float32Array(matrix.length);
  [0, 3, 1, 2].forEach((gate, at) => {
    for (let j = 0; j < units; j++)
      for (let k = 0; k < rows; k++) {
        result[(at * units + j) * rows + k] = matrix[(k * 4 + gate) * units + j]!;
      }
  });
  return result;
}

/** Of the inputs, and none of the state. */
function biases(ofInputs: Float32Array): Float32Array {
  const result = new Float32Array(2 * ofInputs.length);
  result.set(ofInputs);
  return result;
}

import { Tensor } from "onnxruntime-node";
import { resultSize, type Conv2dParams } from "../../cases/conv2dParams.js";
import { samplePlaces, values } from "../../harness/inputs.js";
import { Unsupported, type Subject } from "../../harness/serve.js";
import { oneNodeModel } from "./model.js";
import { subject } from "./session.js";

/** In the engine's own layout, NCHW, with weights that are constants of the model: both are how it is fastest. */
export function conv2d(params: Conv2dParams): Promise<Subject> {
  if (params.backward) throw new Unsupported("no gradients");
  const { batch, size, inChannels, outChannels, kernel, stride, pad } = params;
  const side = resultSize(params);
  const x = channelsFirst(values(1, batch * size * size * inChannels), batch, size * size, inChannels);
  const w = transpose(values(2, kernel * kernel * inChannels * outChannels), kernel * kernel, inChannels, outChannels);
  const outputShape = [batch, outChannels, side, side];
  const model = oneNodeModel({
    op: "Conv",
    attributes: [
      { name: "kernel_shape", value: [kernel, kernel] },
      { name: "strides", value: [stride, stride] },
      { name: "pads", value: [pad, pad, pad, pad] },
    ],
    inputs: [
      { name: "x", shape: [batch, inChannels, size, size] },
      { name: "w", shape: [outChannels, inChannels, kernel, kernel], data: w },
      { name: "b", shape: [outChannels], data: values(3, outChannels) },
    ],
    outputShape,
  });
  const feeds = { x: new Tensor(x, [batch, inChannels, size, size]) };
  return subject(model, feeds, outputShape, sampleImages(outChannels, side));
}

/** Of square NCHW images; the places are those of an NHWC array. */
export function sampleImages(channels: number, side: number): (y: Float32Array) => number[] {
  return (y) =>
    samplePlaces(y.length).map((place) => {
      const pixel = Math.floor(place / channels);
      const image = Math.floor(pixel / side ** 2);
      return y[(image * channels + (place % channels)) * side ** 2 + (pixel % side ** 2)]!;
    });
}

/** [n, pixels, channels] to [n, channels, pixels]. */
export function channelsFirst(data: Float32Array, n: number, pixels: number, channels: number): Float32Array {
  const result = new Float32Array(data.length);
  for (let i = 0; i < n; i++)
    for (let p = 0; p < pixels; p++)
      for (let c = 0; c < channels; c++)
        result[(i * channels + c) * pixels + p] = data[(i * pixels + p) * channels + c]!;
  return result;
}

/** [places, i, o] to [o, i, places]. */
export function transpose(data: Float32Array, places: number, inputs: number, outputs: number): Float32Array {
  const result = new Float32Array(data.length);
  for (let p = 0; p < places; p++)
    for (let i = 0; i < inputs; i++)
      for (let o = 0; o < outputs; o++) result[(o * inputs + i) * places + p] = data[(p * inputs + i) * outputs + o]!;
  return result;
}

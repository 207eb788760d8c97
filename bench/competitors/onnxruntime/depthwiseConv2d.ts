import { Tensor } from "onnxruntime-node";
import type { DepthwiseParams } from "../../cases/depthwiseConv2d.js";
import { values } from "../../harness/inputs.js";
import { Unsupported, type Subject } from "../../harness/serve.js";
import { channelsFirst, sampleImages, transpose } from "./conv2d.js";
import { oneNodeModel } from "./model.js";
import { subject } from "./session.js";

export function depthwiseConv2d({ batch, size, channels, backward }: DepthwiseParams): Promise<Subject> {
  if (backward) throw new Unsupported("no gradients");
  const shape = [batch, channels, size, size];
  const x = channelsFirst(values(1, batch * size * size * channels), batch, size * size, channels);
  const model = oneNodeModel({
    op: "Conv",
    attributes: [
      { name: "kernel_shape", value: [3, 3] },
      { name: "pads", value: [1, 1, 1, 1] },
      { name: "group", value: channels },
    ],
    inputs: [
      { name: "x", shape },
      { name: "w", shape: [channels, 1, 3, 3], data: transpose(values(2, 9 * channels), 9, 1, channels) },
    ],
    outputShape: shape,
  });
  return subject(model, { x: new Tensor(x, shape) }, shape, sampleImages(channels, size));
}

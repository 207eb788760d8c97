import * as tf from "@tensorflow/tfjs";
import type { Conv2dParams } from "../../cases/conv2d.js";
import { values } from "../../harness/inputs.js";
import { Unsupported, type Subject } from "../../harness/serve.js";
import { subject } from "./subject.js";

export function conv2d(params: Conv2dParams): Subject {
  if (params.backward) throw new Unsupported("the wasm backend has no gradient of the weights");
  const { batch, height, width, inChannels, outChannels, kernel } = params;
  const x = tf.tensor4d(values(1, batch * height * width * inChannels), [batch, height, width, inChannels]);
  const w = tf.tensor4d(values(2, kernel * kernel * inChannels * outChannels), [
    kernel,
    kernel,
    inChannels,
    outChannels,
  ]);
  const bias = tf.tensor1d(values(3, outChannels));
  return subject(() => tf.fused.conv2d({ x, filter: w, strides: 1, pad: "valid", bias }));
}

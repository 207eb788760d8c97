import * as tf from "@tensorflow/tfjs";
import { resultSize, type Conv2dParams } from "../../cases/conv2dParams.js";
import { values } from "../../harness/inputs.js";
import { Unsupported, type Subject } from "../../harness/serve.js";
import { leaveOutLarge, subject } from "./subject.js";

export function conv2d(params: Conv2dParams): Subject {
  if (params.backward) throw new Unsupported("the wasm backend has no gradient of the weights");
  const { batch, size, inChannels, outChannels, kernel, stride, pad } = params;
  leaveOutLarge(2 * kernel ** 2 * inChannels * outChannels * batch * resultSize(params) ** 2);
  const x = tf.tensor4d(values(1, batch * size * size * inChannels), [batch, size, size, inChannels]);
  const shape: [number, number, number, number] = [kernel, kernel, inChannels, outChannels];
  const filter = tf.tensor4d(values(2, kernel * kernel * inChannels * outChannels), shape);
  const bias = tf.tensor1d(values(3, outChannels));
  return subject(() => tf.fused.conv2d({ x, filter, strides: stride, pad, bias, dimRoundingMode: "floor" }));
}

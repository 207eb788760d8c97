import { readFileSync } from "node:fs";
import { serve } from "../../harness/serve.js";
import { activation } from "./activation.js";
import { adam } from "./adam.js";
import { avgPool2d } from "./avgPool2d.js";
import { batchNorm } from "./batchNorm.js";
import { cnn } from "./cnn.js";
import { conv2d } from "./conv2d.js";
import { depthwiseConv2d } from "./depthwiseConv2d.js";
import { dispatch } from "./dispatch.js";
import { distilbert } from "./distilbert.js";
import { embedding } from "./embedding.js";
import { layerNorm } from "./layerNorm.js";
import { gru } from "./gru.js";
import { lstm } from "./lstm.js";
import { matmul } from "./matmul.js";
import { maxPool2d } from "./maxPool2d.js";
import { reduce } from "./reduce.js";
import { rmsNorm } from "./rmsNorm.js";
import { scaledDotProductAttention } from "./scaledDotProductAttention.js";
import { softmax } from "./softmax.js";
import { stackedLstm } from "./stackedLstm.js";
import { vgg16 } from "./vgg16.js";

const { version } = JSON.parse(readFileSync(new URL(import.meta.resolve("nabla/package.json")), "utf8")) as {
  version: string;
};

await serve(
  { version },
  {
    matmul,
    conv2d,
    depthwiseConv2d,
    activation,
    adam,
    avgPool2d,
    batchNorm,
    embedding,
    layerNorm,
    gru,
    lstm,
    maxPool2d,
    reduce,
    rmsNorm,
    scaledDotProductAttention,
    softmax,
    cnn,
    stackedLstm,
    vgg16,
    distilbert,
    dispatch,
  },
);

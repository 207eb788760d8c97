import type { Case } from "./case.js";
import { cases as activation } from "./activation.js";
import { cases as adam } from "./adam.js";
import { cases as avgPool2d } from "./avgPool2d.js";
import { cases as batchNorm } from "./batchNorm.js";
import { cases as cnn } from "./cnn.js";
import { cases as conv2d } from "./conv2d.js";
import { cases as depthwiseConv2d } from "./depthwiseConv2d.js";
import { cases as dispatch } from "./dispatch.js";
import { cases as distilbert } from "./distilbert.js";
import { cases as embedding } from "./embedding.js";
import { cases as gru } from "./gru.js";
import { cases as layerNorm } from "./layerNorm.js";
import { cases as lstm } from "./lstm.js";
import { cases as matmul } from "./matmul.js";
import { cases as maxPool2d } from "./maxPool2d.js";
import { cases as reduce } from "./reduce.js";
import { cases as rmsNorm } from "./rmsNorm.js";
import { cases as scaledDotProductAttention } from "./scaledDotProductAttention.js";
import { cases as softmax } from "./softmax.js";
import { cases as stackedLstm } from "./stackedLstm.js";
import { cases as vgg16 } from "./vgg16.js";

export const allCases: readonly Case[] = [
  ...matmul,
  ...conv2d,
  ...depthwiseConv2d,
  ...activation,
  ...avgPool2d,
  ...adam,
  ...batchNorm,
  ...embedding,
  ...gru,
  ...layerNorm,
  ...lstm,
  ...maxPool2d,
  ...reduce,
  ...rmsNorm,
  ...scaledDotProductAttention,
  ...softmax,
  ...cnn,
  ...stackedLstm,
  ...vgg16,
  ...distilbert,
  ...dispatch,
];

import { env } from "onnxruntime-node";
import { serve } from "../../harness/serve.js";
import { conv2d } from "./conv2d.js";
import { depthwiseConv2d } from "./depthwiseConv2d.js";
import { lstm } from "./lstm.js";
import { matmul } from "./matmul.js";
import { scaledDotProductAttention } from "./scaledDotProductAttention.js";
import { vgg16 } from "./vgg16.js";

await serve(
  { version: env.versions.node ?? "unknown" },
  { matmul, conv2d, depthwiseConv2d, lstm, scaledDotProductAttention, vgg16 },
);

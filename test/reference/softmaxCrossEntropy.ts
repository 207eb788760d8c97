import type { SoftmaxCrossEntropyOptions } from "nabla";
import type { Nd } from "./nd.js";
import { logSoftmax } from "./softmax.js";

export function softmaxCrossEntropy([logits, target]: readonly Nd[], options: SoftmaxCrossEntropyOptions): Nd {
  const { reduction = "mean", labelSmoothing = 0 } = options;
  const logs = logSoftmax([logits!], -1).data;
  const classes = logits!.shape.at(-1)!;
  const dense = target!.shape.length === logits!.shape.length;
  const data = new Float64Array(logits!.data.length / classes);
  for (let i = 0; i < logs.length; i++) {
    const row = Math.floor(i / classes);
    const wanted = dense ? target!.data[i]! : Number(target!.data[row] === i % classes);
    data[row]! -= logs[i]! * (wanted * (1 - labelSmoothing) + labelSmoothing / classes);
  }
  if (reduction === "none") return { shape: logits!.shape.slice(0, -1), data };
  const sum = data.reduce((a, b) => a + b, 0);
  return { shape: [], data: Float64Array.of(reduction === "sum" ? sum : sum / data.length) };
}

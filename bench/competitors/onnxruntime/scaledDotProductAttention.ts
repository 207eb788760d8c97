import { Tensor } from "onnxruntime-node";
import type { AttentionParams } from "../../cases/scaledDotProductAttention.js";
import { samplePlaces, values } from "../../harness/inputs.js";
import { Unsupported, type Subject } from "../../harness/serve.js";
import { oneNodeModel } from "./model.js";
import { subject } from "./session.js";

/** Its own operator on [batch, length, heads * size]. */
export function scaledDotProductAttention(params: AttentionParams): Promise<Subject> {
  const { batch, heads, length, size, causal, backward } = params;
  if (backward) throw new Unsupported("no gradients");
  const shape = [batch, length, heads * size];
  const names = ["query", "key", "value"];
  const model = oneNodeModel({
    op: "MultiHeadAttention",
    domain: "com.microsoft",
    attributes: [
      { name: "num_heads", value: heads },
      { name: "unidirectional", value: Number(causal) },
    ],
    inputs: names.map((name) => ({ name, shape })),
    outputShape: shape,
  });
  const count = batch * length * heads * size;
  const feeds = Object.fromEntries(names.map((name, i) => [name, new Tensor(values(i + 1, count), shape)]));
  /** The places of the samples of [batch, heads, length, size]. */
  const places = samplePlaces(count).map((place) => {
    const [pair, i, d] = [Math.floor(place / (length * size)), Math.floor(place / size) % length, place % size];
    return ((Math.floor(pair / heads) * length + i) * heads + (pair % heads)) * size + d;
  });
  return subject(model, feeds, shape, (output) => places.map((place) => output[place]!));
}

import type { ActivationLike } from "../activations.js";
import { gelu } from "../ops/activation.js";
import type { Tensor } from "../tensor.js";

const geluTanh = (x: Tensor): Tensor => gelu(x, { approximate: true });

/** The activations by their names in Hugging Face's configurations. */
export const ACTIVATIONS = {
  gelu: "gelu",
  gelu_new: geluTanh,
  gelu_pytorch_tanh: geluTanh,
  relu: "relu",
  silu: "silu",
  swish: "silu",
  tanh: "tanh",
} satisfies Record<string, ActivationLike>;

/** An activation of BERT's dense layers, as Hugging Face names it; `gelu` is the exact one. */
export type BertActivation = keyof typeof ACTIVATIONS;

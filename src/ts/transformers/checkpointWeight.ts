import type { Dense } from "../layers/dense.js";
import type { Embedding } from "../layers/embedding.js";
import type { LayerNormalization } from "../layers/layerNormalization.js";
import type { MultiHeadAttention } from "../layers/multiHeadAttention.js";
import { reshape } from "../ops/reshape.js";
import { transpose } from "../ops/transpose.js";
import type { Shape } from "../shape.js";
import type { Tensor } from "../tensor.js";

/** A weight, and how checkpoints of PyTorch hold it: a kernel as [outputs, inputs]. */
export interface CheckpointWeight {
  readonly name: string;
  readonly weight: Tensor;
  readonly isKernel: boolean;
  /** The shape in the file. */
  readonly shape: Shape;
}

export function embeddingWeights(name: string, { weights }: Embedding): CheckpointWeight[] {
  const [weight] = weights as [Tensor];
  return [{ name: `${name}.weight`, weight, isKernel: false, shape: weight.shape }];
}

export function normalizationWeights(name: string, { gamma, beta }: LayerNormalization): CheckpointWeight[] {
  return [vector(`${name}.weight`, gamma!), vector(`${name}.bias`, beta!)];
}

export function linearWeights(name: string, { weights }: Dense): CheckpointWeight[] {
  return product(name, weights);
}

function product(name: string, [kernel, bias]: readonly Tensor[]): CheckpointWeight[] {
  const outputs = bias!.size;
  const shape = [outputs, kernel!.size / outputs];
  return [{ name: `${name}.weight`, weight: kernel!, isKernel: true, shape }, vector(`${name}.bias`, bias!)];
}

/** `names` are those of the products that make query, key, value and result. */
export function attentionWeights(names: readonly string[], { weights }: MultiHeadAttention): CheckpointWeight[] {
  return names.flatMap((name, i) => product(name, weights.slice(2 * i, 2 * i + 2)));
}

export function prefixed(prefix: string, weights: readonly CheckpointWeight[]): CheckpointWeight[] {
  return weights.map((each) => ({ ...each, name: `${prefix}.${each.name}` }));
}

function vector(name: string, weight: Tensor): CheckpointWeight {
  return { name, weight, isKernel: false, shape: [weight.size] };
}

/** @internal A view of a tensor of the weight's shape, the weight itself or its gradient, as a checkpoint holds it. */
export function toCheckpoint({ isKernel, shape }: CheckpointWeight, value: Tensor): Tensor {
  return isKernel ? transpose(reshape(value, [shape[1]!, shape[0]!])) : reshape(value, shape);
}

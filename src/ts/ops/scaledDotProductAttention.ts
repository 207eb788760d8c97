import { checkBoolean, checkFinite, checkOptions, checkRange } from "../checks.js";
import type { DType } from "../dtype.js";
import { DTypeError, ShapeError } from "../errors.js";
import { grad } from "../grad.js";
import { tidy } from "../memory.js";
import { checkTensor, defineOp, toContiguous, type Op } from "../op.js";
import { takeRandom } from "../random.js";
import { formatShape, tryBroadcast, sameShape, type Shape } from "../shape.js";
import { isRecording } from "../tape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { checkFloating } from "./arguments.js";
import { add, mul } from "./binary.js";
import { broadcastTo, expandTo } from "./broadcast.js";
import { equal, less, logicalAnd } from "./compare.js";
import { arange, ones } from "./creation.js";
import { dropoutFrom, type Draw } from "./dropout.js";
import { gather } from "./gather.js";
import { matmul } from "./matmul.js";
import { max, sum } from "./reduce.js";
import { expandDims, reshape } from "./reshape.js";
import { softmax } from "./softmax.js";
import { swapAxes } from "./transpose.js";
import { tril } from "./tril.js";
import { where } from "./where.js";

const OP = "scaledDotProductAttention";
const OPTIONS = ["mask", "causal", "scale", "dropout", "lengths"];

export interface ScaledDotProductAttentionOptions {
  /**
   * Broadcasts to [batch, heads, queries, keys]. A bool mask is true where a query attends to a key; any other is of q's dtype
   * and is added to the scores.
   */
  mask?: Tensor | null | undefined;
  /** Whether query i attends to keys 0 ... i only. False by default. */
  causal?: boolean;
  /** What the products of queries and keys are multiplied by: 1 / sqrt(size) by default. */
  scale?: number;
  /** The part of the probabilities that {@link dropout} sets to 0; 0 by default. */
  dropout?: number;
  /** int32 [batch]: how many keys of each sample there are; those after them are padding, which nothing attends to. */
  lengths?: Tensor | null | undefined;
}

/** Kinds of masks; a name's place is its number in commands. */
const MASKS = ["none", "bool", "additive"] as const;

interface Attributes {
  readonly scale: number;
  readonly causal: boolean;
  readonly mask: (typeof MASKS)[number];
  readonly lengths: boolean;
  readonly draw: Draw;
}

interface ForwardAttributes extends Attributes {
  /** Whether what the weights are relative to and what normalizes them is an output too: the gradient reads it. */
  readonly train: boolean;
}

function encode({ scale, causal, mask, lengths, draw }: Attributes): number[] {
  return [scale, Number(causal), MASKS.indexOf(mask), Number(lengths), draw.rate, draw.seed, draw.counter];
}

/** How many of the inputs are q, k, v, mask and lengths. */
function operandsOf({ mask, lengths }: Attributes): number {
  return 3 + Number(mask !== "none") + Number(lengths);
}

// q [B, H, L, D], k [B, G, M, D], v [B, G, M, E], mask? [B, H, L, M], lengths? [B] -> y [B, L, H, E] [, statistics [2, B, H, L]]
const attentionOp: Op<ForwardAttributes> = defineOp({
  name: "scaledDotProductAttention",
  infer: ([q, , v], { train }) => {
    const [batch, heads, queries] = q!.shape as [number, number, number];
    const { dtype } = q!;
    const y = { shape: [batch, queries, heads, v!.shape[3]!], dtype };
    return train ? [y, { shape: [2, batch, heads, queries], dtype }] : [y];
  },
  encode: (attrs) => [...encode(attrs), Number(attrs.train)],
  save: (attrs) => ({ inputs: Array.from({ length: operandsOf(attrs) }, (_, i) => i), outputs: [0, 1] }),
  backward: ({ grads, inputs, outputs, attrs }) => {
    const dy = grads[0]!;
    const rest = inputs.slice(3).map(() => null);
    if (!isRecording()) {
      const gradients = attentionGradOp([...inputs, ...outputs, withUnitStride(dy)], attrs);
      return [...gradients.map((gradient) => swapAxes(gradient, 1, 2)), ...rest];
    }
    // They are to be differentiated again, which only the composition's can be.
    const loss = (q: Tensor, k: Tensor, v: Tensor): Tensor =>
      sum(mul(composedAttention([q, k, v, ...inputs.slice(3)], attrs), swapAxes(dy, 1, 2)));
    const [q, k, v] = inputs as [Tensor, Tensor, Tensor];
    return [...grad(loss)(q, k, v), ...rest];
  },
});

// q, k, v, mask?, lengths?, y, statistics, dy [B, L, H, E] -> dq [B, L, H, D], dk [B, M, G, D], dv [B, M, G, E]
const attentionGradOp: Op<Attributes> = defineOp({
  name: "scaledDotProductAttentionGrad",
  infer: (inputs) =>
    inputs.slice(0, 3).map(({ shape: [batch, heads, length, size], dtype }) => ({
      shape: [batch!, length!, heads!, size!],
      dtype,
    })),
  encode,
  backward: null,
});

/** The kernels take any strides but along the last axis. */
function withUnitStride(x: Tensor): Tensor {
  return x.strides === null || x.strides.at(-1) === 1 ? x : toContiguous(x);
}

/**
 * @internal The same in single ops, with gradients of any order: what the kernels are tested against. The inputs are those of
 * the op.
 */
export function composedAttention(inputs: readonly Tensor[], attrs: Attributes): Tensor {
  return tidy(() => {
    const [q, k, v] = inputs as [Tensor, Tensor, Tensor];
    const mask = attrs.mask === "none" ? null : inputs[3]!;
    const lengths = attrs.lengths ? inputs[operandsOf(attrs) - 1]! : null;
    const heads = q.shape[1]!;
    let scores: Tensor = mul(matmul(q, swapAxes(repeatHeads(k, heads), -2, -1)), attrs.scale);
    if (mask && attrs.mask === "additive") scores = add(scores, mask);
    const [queries, keys] = scores.shape.slice(2) as [number, number];
    const allowed: Tensor[] = [];
    if (mask && attrs.mask === "bool") allowed.push(mask);
    if (attrs.causal) allowed.push(tril(ones([queries, keys], { dtype: "bool", device: q.device })));
    if (lengths) allowed.push(withinLengths(lengths, keys));
    if (allowed.length > 0) scores = where(allowed.reduce(logicalAnd), scores, -Infinity);
    const probabilities = attentionWeights(scores);
    const kept = attrs.draw.rate > 0 ? dropoutFrom(probabilities, attrs.draw) : probabilities;
    return matmul(kept, repeatHeads(v, heads));
  });
}

/** x [B, G, M, D] -> [B, heads, M, D], each head as often as there are query heads for it. */
function repeatHeads(x: Tensor, heads: number): Tensor {
  const [batch, own, length, size] = x.shape as [number, number, number, number];
  if (own === heads) return x;
  const grouped = broadcastTo(expandDims(x, 2), [batch, own, heads / own, length, size]);
  return reshape(grouped, [batch, heads, length, size]);
}

/** Which keys are no padding: bool [B, 1, 1, keys]. A length that is out of range is an IndexError of the next wait. */
function withinLengths(lengths: Tensor, keys: number): Tensor {
  const options = { dtype: "int32", device: lengths.device } as const;
  const valid = gather(arange(keys + 1, options), where(less(lengths, 0), keys + 1, lengths));
  return less(arange(keys, options), reshape(valid, [lengths.size, 1, 1, 1]));
}

/** The softmax, with zeros for a query that attends to no key, instead of NaN. */
function attentionWeights(scores: Tensor): Tensor {
  if (scores.size === 0) return softmax(scores);
  const none = equal(max(scores.detach(), { axis: -1, keepDims: true }), -Infinity);
  return where(none, 0, softmax(where(none, 0, scores)));
}

/**
 * Scaled dot-product attention (Vaswani et al., "Attention is all you need", 2017): softmax(q kᵀ · scale + mask) v for each
 * head, from queries [batch, heads, queries, size], keys [batch, key heads, keys, size] and values
 * [batch, key heads, keys, value size], to [batch, heads, queries, value size]. float32 or float64, all of one dtype. Transposed views, such as
 * of [batch, length, heads, size], are read in place.
 *
 * The scores are never stored as a whole: tiles of them stay in the cache, with a running maximum and sum (Milakov and Gimelshein,
 * "Online normalizer calculation for softmax", 2018; Dao et al., "FlashAttention", 2022), also in the gradient, so that memory grows with the
 * length and not with its square. Only the gradient of an additive mask, and gradients of gradients, are computed on stored scores.
 *
 * Fewer key heads than heads may be given: neighbouring heads then share one (Ainslie et al., "GQA", 2023). A query that attends to no key gives
 * zeros. Dropout draws its numbers from the random state of {@link setSeed}. A length outside 0 to the number of keys is an IndexError of the
 * next wait.
 *
 * @throws ShapeError when q, k, v, the mask or the lengths do not fit together, or the heads are no multiple of the key heads.
 * @throws DTypeError for integers, or when k, v or an additive mask is of another dtype than q, or the lengths are not int32.
 * @throws ArgumentError for an option that is unknown or out of range.
 */
export function scaledDotProductAttention<D extends DType>(
  q: Tensor<D>,
  k: Tensor<D>,
  v: Tensor<D>,
  options: ScaledDotProductAttentionOptions = {},
): Tensor<D> {
  checkOperands([q, k, v]);
  checkOptions(OP, options, OPTIONS);
  const { mask = null, lengths = null } = options;
  const causal = checkBoolean(OP, "causal", options.causal ?? false);
  // No division by 0 for heads without elements.
  const scale = checkFinite(OP, "scale", options.scale ?? 1 / Math.sqrt(Math.max(1, q.shape[3]!)));
  const rate = checkRange(OP, "dropout", options.dropout ?? 0, 0, 1);
  const scores = [...q.shape.slice(0, 3), k.shape[2]!];
  if (mask !== null) checkMask(mask, scores, q);
  if (lengths !== null) checkLengths(lengths, q.shape[0]!);
  const draw = rate > 0 ? takeRandom(scores.reduce((product, size) => product * size, 1)) : { seed: 0, counter: 0 };
  const attrs: Attributes = {
    scale,
    causal,
    mask: mask === null ? "none" : mask.dtype === "bool" ? "bool" : "additive",
    lengths: lengths !== null,
    draw: { ...draw, rate },
  };
  const rest = [...(mask ? [expandTo(mask, scores)] : []), ...(lengths ? [toContiguous(lengths)] : [])];
  const given: Tensor[] = [q, k, v];
  const inputs = [...given.map(withUnitStride), ...rest];
  const recorded = isRecording() && inputs.some(({ requiresGrad }) => requiresGrad);
  let result: Tensor;
  if (recorded && mask?.requiresGrad) {
    result = composedAttention(inputs, attrs);
  } else {
    const [y, statistics] = attentionOp(inputs, { ...attrs, train: recorded });
    statistics?.dispose();
    result = swapAxes(y!, 1, 2);
    y!.dispose();
  }
  for (const input of inputs) if (![...given, mask, lengths].includes(input)) input.dispose();
  return result as Tensor<D>;
}

function checkOperands(operands: readonly [Tensor, Tensor, Tensor]): void {
  const [q, k, v] = operands;
  operands.forEach((operand, i) => {
    const name = "qkv"[i]!;
    checkTensor(OP, operand);
    if (operand.rank !== 4) {
      throw new ShapeError(
        `${OP}: ${name} does not have 4 dimensions: its shape is ${formatShape(operand.shape)}, expected [batch, heads, length, size]`,
      );
    }
    checkFloating(OP, name, operand);
    if (operand.dtype !== q.dtype) {
      throw new DTypeError(`${OP}: ${name}'s dtype does not fit: it is ${operand.dtype}, q is ${q.dtype}`);
    }
  });
  const shapes = `q is ${formatShape(q.shape)}, k is ${formatShape(k.shape)}, v is ${formatShape(v.shape)}`;
  const [batch, heads, , size] = q.shape as [number, number, number, number];
  const keyHeads = k.shape[1]!;
  let problem = "";
  if (k.shape[0] !== batch || v.shape[0] !== batch) problem = "the batches differ";
  else if (k.shape[3] !== size) problem = "the head sizes of q and k differ";
  else if (v.shape[1] !== keyHeads) problem = "the heads of k and v differ";
  else if (v.shape[2] !== k.shape[2]) problem = "the lengths of k and v differ";
  else if (keyHeads === 0 ? heads > 0 : heads % keyHeads > 0) problem = "q's heads are no multiple of k's";
  if (problem) throw new ShapeError(`${OP}: ${problem}: ${shapes}`);
}

function checkMask(mask: Tensor, scores: Shape, { dtype }: Tensor): void {
  checkTensor(OP, mask);
  if (mask.dtype !== "bool" && mask.dtype !== dtype) {
    throw new DTypeError(`${OP}: the mask's dtype does not fit: it is ${mask.dtype}, expected bool or q's, ${dtype}`);
  }
  const together = tryBroadcast([mask.shape, scores]);
  if (together === null || !sameShape(together, scores)) {
    throw new ShapeError(
      `${OP}: the mask does not fit: it is ${formatShape(mask.shape)}, expected what broadcasts to [batch, heads, queries, keys], ${formatShape(scores)}`,
    );
  }
}

function checkLengths(lengths: Tensor, batch: number): void {
  checkTensor(OP, lengths);
  if (lengths.dtype !== "int32") {
    throw new DTypeError(`${OP}: the lengths are not int32: their dtype is ${lengths.dtype}, expected int32`);
  }
  if (!sameShape(lengths.shape, [batch])) {
    throw new ShapeError(
      `${OP}: the lengths do not fit: they are ${formatShape(lengths.shape)}, expected one a sample, [${batch}]`,
    );
  }
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType> {
    /** This tensor as the queries of {@link scaledDotProductAttention}. */
    scaledDotProductAttention(k: Tensor<D>, v: Tensor<D>, options?: ScaledDotProductAttentionOptions): Tensor<D>;
  }
}
addMethod("scaledDotProductAttention", scaledDotProductAttention);

import { describe, expect, test } from "vitest";
import {
  ArgumentError,
  DTypeError,
  IndexError,
  ShapeError,
  checkGradients,
  detectAnomaly,
  dropout,
  memory,
  ones,
  randn,
  scaledDotProductAttention,
  setSeed,
  softmax,
  tensor,
  zeros,
  type DType,
  type Tensor,
} from "nabla";
import { composedAttention } from "../../src/ts/ops/scaledDotProductAttention.js";
import { cases, large } from "../cases/scaledDotProductAttention.js";
import {
  SEED,
  scaledDotProductAttention as reference,
  type AttentionAttributes,
} from "../reference/scaledDotProductAttention.js";
import { checkErrors } from "../support/check-errors.js";
import { checkOp, expectClose, type Case } from "../support/check-op.js";
import { draw, random } from "../support/values.js";

/** What mask and lengths are among the inputs. */
function masksOf(rest: readonly Tensor[], { mask, lengths }: AttentionAttributes) {
  return { mask: mask ? rest[0] : null, lengths: lengths ? rest.at(-1) : null };
}

function run([q, k, v, ...rest]: readonly Tensor[], attrs: AttentionAttributes): Tensor {
  const { causal, scale, dropout: rate } = attrs;
  setSeed(SEED);
  return scaledDotProductAttention(q!, k!, v!, {
    ...masksOf(rest, attrs),
    ...(causal === undefined ? {} : { causal }),
    ...(scale === undefined ? {} : { scale }),
    ...(rate === undefined ? {} : { dropout: rate }),
  });
}

/** The unfused form. */
function composed(inputs: readonly Tensor[], attrs: AttentionAttributes): Tensor {
  const { causal = false, scale, mask = "none", lengths = false, dropout: rate = 0 } = attrs;
  return composedAttention(inputs, {
    scale: scale ?? 1 / Math.sqrt(inputs[0]!.shape[3]!),
    causal,
    mask,
    lengths,
    draw: { seed: SEED, counter: 0, rate },
  });
}

// Scores are sums of up to 64 products of numbers around 1 and are exponentiated: their absolute error, some
// 2^-24 times a sum of magnitudes, becomes the relative error of a probability.
const tolerance = { float32: 1e-5, float64: 1e-13 };

checkOp({ op: "scaledDotProductAttention", cases, run, reference, tolerance, gradient: [0, 1, 2] });
checkOp({
  op: "scaledDotProductAttention, large",
  cases: large.map((row) => ({ ...row, gradient: false })),
  run,
  reference,
  tolerance,
  gradient: "none",
});
// The gradient of a mask is the composition's.
checkOp({
  op: "scaledDotProductAttention, gradient of the mask",
  cases: cases.filter(({ attrs, inputs }) => attrs.mask === "additive" && inputs[3]!.values === undefined),
  run,
  reference,
  tolerance,
  gradient: [0, 1, 2, 3],
});

/** The inputs of a case, its result by `f`, and the gradients of q, k and v. */
function evaluate(
  { name, inputs, attrs }: Case<AttentionAttributes>,
  f: typeof run,
  dtype: DType,
): { names: string[]; results: ArrayLike<number>[] } {
  const next = random(name);
  const given = inputs.map(({ shape, values = "normal", dtype: own = dtype }, i) => {
    // As they come from one product for all heads: [batch, length, heads, size].
    const drawn = tensor(draw(values, shape, next), { shape, dtype: own });
    if (i > 2) return drawn;
    const apart = drawn.permute([0, 2, 1, 3]).add(0).detach() as Tensor;
    apart.requiresGrad = true;
    return apart;
  });
  const y = f(
    given.map((input, i) => (i > 2 ? input : (input.permute([0, 2, 1, 3]) as Tensor))),
    attrs,
  );
  const dy = tensor(draw("normal", y.shape, next), { shape: y.shape, dtype: "float64" }).cast(dtype) as Tensor;
  y.backward(dy);
  const gradients = given.slice(0, 3).map((input) => input.grad!.dataSync() as ArrayLike<number>);
  return { names: ["y", "dq", "dk", "dv"], results: [y.dataSync() as ArrayLike<number>, ...gradients] };
}

describe.each([...cases, ...large].map((row) => [row.name, row] as const))("as its unfused form: %s", (_, row) => {
  // Gradients of keys are sums over up to 200 queries.
  test.each([
    ["float64", 1e-12],
    ["float32", 5e-5],
  ] as const)("%s", (dtype, allowed) => {
    const fused = evaluate(row, run, dtype);
    const unfused = evaluate(row, composed, "float64");
    fused.results.forEach((values, i) => expectClose(values, unfused.results[i]!, allowed, fused.names[i]!));
  });
});

describe("scaledDotProductAttention", () => {
  const float64 = { dtype: "float64" } as const;

  test("is a method of the queries", () => {
    const q = randn([1, 2, 3, 4]);
    const k = randn([1, 2, 5, 4]);
    const wanted = scaledDotProductAttention(q, k, k, { causal: true }).dataSync();
    expect(q.scaledDotProductAttention(k, k, { causal: true }).dataSync()).toEqual(wanted);
  });

  test("large scores do not overflow", () => {
    const q = tensor([300, -300], { shape: [1, 1, 2, 1], requiresGrad: true });
    const k = tensor([300, -300, 299], { shape: [1, 1, 3, 1], requiresGrad: true });
    const v = tensor([1, 2, 3], { shape: [1, 1, 3, 1], requiresGrad: true });
    const y = scaledDotProductAttention(q, k, v);
    expect(y.flatten().toArraySync()).toEqual([1, 2]);
    y.sum().backward();
    expect(v.grad!.flatten().toArraySync()).toEqual([1, 1, 0]);
    expect(q.grad!.flatten().toArraySync()).toEqual([0, 0]);
  });

  test("NaN in a query is NaN in its row alone", () => {
    const q = tensor([1, NaN, 2], { shape: [1, 1, 3, 1] });
    const y = scaledDotProductAttention(q, ones([1, 1, 2, 1]), ones([1, 1, 2, 1]));
    expect(y.flatten().toArraySync()).toEqual([1, NaN, 1]);
  });

  test("dropout is that of the probabilities by the op", () => {
    const [q, k, v] = [randn([2, 2, 5, 3], float64), randn([2, 2, 7, 3], float64), randn([2, 2, 7, 4], float64)];
    setSeed(3);
    const probabilities = softmax(q.matmul(k.permute([0, 1, 3, 2])).mul(1 / Math.sqrt(3)));
    const wanted = dropout(probabilities, 0.3).matmul(v).dataSync();
    const after = dropout(ones([100]), 0.5).dataSync();
    setSeed(3);
    expectClose(scaledDotProductAttention(q, k, v, { dropout: 0.3 }).dataSync(), wanted, 1e-14, "y");
    expect(dropout(ones([100]), 0.5).dataSync(), "the numbers drawn next").toEqual(after);
  });

  test("without dropout no random number is drawn", () => {
    const x = ones([1, 1, 8, 2]);
    setSeed(4);
    const wanted = dropout(ones([100]), 0.5).dataSync();
    setSeed(4);
    scaledDotProductAttention(x, x, x, { dropout: 0 });
    expect(dropout(ones([100]), 0.5).dataSync()).toEqual(wanted);
  });

  const shape = [2, 2, 3, 2];
  const lengths = tensor([2, 0], { dtype: "int32" });
  const mask = tensor([1, 1, 0, 0, 0, 0, 1, 1, 1], { shape: [3, 3], dtype: "bool" });
  test.each([
    ["plain", {}],
    ["causal", { causal: true }],
    ["lengths", { lengths }],
    ["a mask", { mask }],
  ])("can be differentiated twice: %s", (_, given) => {
    setSeed(5);
    const inputs = [0, 1, 2].map(() => randn(shape, float64) as Tensor);
    const f = (q: Tensor, k: Tensor, v: Tensor): Tensor => scaledDotProductAttention(q, k, v, given).tanh().sum();
    expect(checkGradients(f as never, inputs as never, { order: 2 })).toBeLessThan(1e-6);
  });

  test("a query without keys is no anomaly", () => {
    const x = randn(shape, { requiresGrad: true });
    const y = detectAnomaly(() => {
      const result = scaledDotProductAttention(x, x, x, { mask, lengths });
      result.sum().backward();
      return result;
    });
    expect(Array.from(y.dataSync().slice(12))).toEqual(Array<number>(12).fill(0));
    expect(Array.from(x.grad!.dataSync().slice(12))).toEqual(Array<number>(12).fill(0));
  });

  test.each([-1, 4])("a length of %i of 3 keys is an IndexError", (length) => {
    const wrong = tensor([3, length], { dtype: "int32" });
    const x = randn(shape);
    const read = (y: Tensor) => () => y.dataSync();
    expect(read(scaledDotProductAttention(x, x, x, { lengths: wrong }))).toThrow(IndexError);
    const additive = zeros([3, 3], { requiresGrad: true });
    expect(read(scaledDotProductAttention(x, x, x, { lengths: wrong, mask: additive }))).toThrow(IndexError);
  });

  test.each([
    ["off the tape", 1],
    // Copies of k and v with unit strides, the lengths in row-major order, and what the gradient needs of the weights.
    ["on it", 5],
  ])("leaves nothing but its result %s", (_, left) => {
    const q = randn([2, 4, 3, 2], { requiresGrad: left > 1 });
    const key = randn([2, 2, 2, 3]).permute([0, 1, 3, 2]) as Tensor;
    const options = { mask: mask.slice([null, [null, null, -1]]), lengths: lengths.slice([[null, null, -1]]) };
    const before = memory().tensors;
    const y = scaledDotProductAttention(q, key, key, options);
    expect(memory().tensors - before).toBe(left);
    y.dispose();
  });
});

const q = zeros([2, 4, 3, 5]);
const k = zeros([2, 2, 7, 5]);
const v = zeros([2, 2, 7, 6]);
const name = "scaledDotProductAttention";
const given = "q is [2,4,3,5], k is";

checkErrors({
  "wrong operands": [
    [() => scaledDotProductAttention(1 as never, k, v), ArgumentError, `${name}: not a tensor: 1, expected a Tensor`],
    [
      () => scaledDotProductAttention(q, zeros([2, 7, 5]), v),
      ShapeError,
      `${name}: k does not have 4 dimensions: its shape is [2,7,5], expected [batch, heads, length, size]`,
    ],
    [
      () => scaledDotProductAttention(q.cast("int32") as never, k, v),
      DTypeError,
      `${name}: q is not floating-point: its dtype is int32, expected float32 or float64`,
    ],
    [
      () => scaledDotProductAttention(q, k.cast("bfloat16") as never, v),
      DTypeError,
      `${name}: no arithmetic in bfloat16: it is the dtype of k, cast to float32 first`,
    ],
    [
      () => scaledDotProductAttention(q, k, v.cast("float64") as never),
      DTypeError,
      `${name}: v's dtype does not fit: it is float64, q is float32`,
    ],
    [
      () => scaledDotProductAttention(q, zeros([1, 2, 7, 5]), v),
      ShapeError,
      `${name}: the batches differ: ${given} [1,2,7,5], v is [2,2,7,6]`,
    ],
    [
      () => scaledDotProductAttention(q, zeros([2, 2, 7, 6]), v),
      ShapeError,
      `${name}: the head sizes of q and k differ: ${given} [2,2,7,6], v is [2,2,7,6]`,
    ],
    [
      () => scaledDotProductAttention(q, k, zeros([2, 4, 7, 6])),
      ShapeError,
      `${name}: the heads of k and v differ: ${given} [2,2,7,5], v is [2,4,7,6]`,
    ],
    [
      () => scaledDotProductAttention(q, k, zeros([2, 2, 3, 6])),
      ShapeError,
      `${name}: the lengths of k and v differ: ${given} [2,2,7,5], v is [2,2,3,6]`,
    ],
    [
      () => scaledDotProductAttention(q, zeros([2, 3, 7, 5]), zeros([2, 3, 7, 6])),
      ShapeError,
      `${name}: q's heads are no multiple of k's: ${given} [2,3,7,5], v is [2,3,7,6]`,
    ],
    [
      () => scaledDotProductAttention(q, zeros([2, 0, 7, 5]), zeros([2, 0, 7, 6])),
      ShapeError,
      `${name}: q's heads are no multiple of k's: ${given} [2,0,7,5], v is [2,0,7,6]`,
    ],
  ],
  "wrong masks and lengths": [
    [
      () => scaledDotProductAttention(q, k, v, { mask: ones([3, 3], { dtype: "bool" }) }),
      ShapeError,
      `${name}: the mask does not fit: it is [3,3], expected what broadcasts to [batch, heads, queries, keys], [2,4,3,7]`,
    ],
    [
      () => scaledDotProductAttention(q, k, v, { mask: zeros([1, 2, 4, 3, 7]) }),
      ShapeError,
      `${name}: the mask does not fit: it is [1,2,4,3,7], expected what broadcasts to [batch, heads, queries, keys], [2,4,3,7]`,
    ],
    [
      () => scaledDotProductAttention(q, k, v, { mask: ones([3, 7], { dtype: "int32" }) }),
      DTypeError,
      `${name}: the mask's dtype does not fit: it is int32, expected bool or q's, float32`,
    ],
    [
      () => scaledDotProductAttention(q, k, v, { mask: zeros([3, 7], { dtype: "float64" }) }),
      DTypeError,
      `${name}: the mask's dtype does not fit: it is float64, expected bool or q's, float32`,
    ],
    [
      () => scaledDotProductAttention(q, k, v, { mask: [[true]] as never }),
      ArgumentError,
      `${name}: not a tensor: [[true]], expected a Tensor`,
    ],
    [
      () => scaledDotProductAttention(q, k, v, { lengths: ones([2]) }),
      DTypeError,
      `${name}: the lengths are not int32: their dtype is float32, expected int32`,
    ],
    [
      () => scaledDotProductAttention(q, k, v, { lengths: ones([3], { dtype: "int32" }) }),
      ShapeError,
      `${name}: the lengths do not fit: they are [3], expected one a sample, [2]`,
    ],
  ],
  "wrong options": [
    [
      () => scaledDotProductAttention(q, k, v, { isCausal: true } as never),
      ArgumentError,
      `${name}: unknown option: "isCausal", did you mean "causal"?`,
    ],
    [
      () => scaledDotProductAttention(q, k, v, 3 as never),
      ArgumentError,
      `${name}: the options are not an object: 3, expected { mask, causal, scale, dropout, lengths }`,
    ],
    [
      () => scaledDotProductAttention(q, k, v, { causal: 1 as never }),
      ArgumentError,
      `${name}: causal is wrong: 1, expected true or false`,
    ],
    [
      () => scaledDotProductAttention(q, k, v, { scale: Infinity }),
      ArgumentError,
      `${name}: scale is wrong: Infinity, expected a finite number`,
    ],
    [
      () => scaledDotProductAttention(q, k, v, { dropout: 1 }),
      ArgumentError,
      `${name}: dropout is wrong: 1, expected a number from 0 to below 1`,
    ],
  ],
});

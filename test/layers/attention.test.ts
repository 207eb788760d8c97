import { describe, expect, it } from "vitest";
import {
  ArgumentError,
  DTypeError,
  Sequential,
  ShapeError,
  arange,
  full,
  layers,
  ones,
  randn,
  setSeed,
  stack,
  tensor,
  zeros,
  type Tensor,
} from "nabla";
import { expectClose } from "../support/check-op.js";
import { readKeras, setWeights, toTensor, valuesOf, type Numbers } from "../support/keras.js";
import { SLOPE_TOLERANCE, largestSlopeError } from "../support/slopes.js";

const { LayerNormalization, MultiHeadAttention, RMSNormalization } = layers;

interface Case {
  layer: "LayerNormalization" | "RMSNormalization" | "MultiHeadAttention";
  options: Record<string, unknown>;
  weights: Numbers[];
  inputs: Numbers[];
  given: { value_mask?: boolean[][]; key_mask?: boolean[][]; attention_mask?: boolean[][][]; use_causal_mask?: true };
  y: Numbers;
}

/** Layers as Keras computes them: test/fixtures/keras_attention.py. */
const keras = readKeras<{ cases: Case[] }>("keras_attention");

/** Both sides compute in float32, some dozens of roundings of values around 3; the fixture has six decimals. */
const TOLERANCE = 3e-6;

function compute({ layer, options, weights, inputs, given }: Case): Tensor {
  const [x, ...others] = inputs.map(toTensor) as [Tensor, ...Tensor[]];
  if (layer !== "MultiHeadAttention") {
    const made = layer === "RMSNormalization" ? new RMSNormalization(options) : new LayerNormalization(options);
    made.build(x.shape);
    setWeights(made, weights);
    return made.apply(x);
  }
  const made = new MultiHeadAttention(options as unknown as layers.MultiHeadAttentionOptions);
  made.build(inputs.map(({ shape }) => shape));
  setWeights(made, weights);
  return made.apply([x, ...others], {
    valueMask: given.value_mask && tensor(given.value_mask),
    keyMask: given.key_mask && tensor(given.key_mask),
    attentionMask: given.attention_mask && tensor(given.attention_mask),
    useCausalMask: given.use_causal_mask,
  });
}

describe("layers give what Keras gives", () => {
  it("in 12 cases", () => expect(keras.cases.length).toBe(12));
  it.each(keras.cases.map((entry, i) => [i, entry.layer, JSON.stringify(entry.options), entry] as const))(
    "%i %s %s",
    (_, __, ___, entry) => {
      const y = compute(entry);
      expect(y.shape).toEqual(entry.y.shape);
      expectClose(y.dataSync(), valuesOf(entry.y), TOLERANCE, "the result");
    },
  );
});

const dtype = "float64";
const input = (shape: number[]): Tensor => randn(shape, { dtype, requiresGrad: true });
/** A sum in which each element counts differently. */
const weighted = (y: Tensor): Tensor =>
  y
    .mul(arange(1, y.size + 1, 1, { dtype }).reshape(y.shape))
    .sum()
    .div(y.size);

describe("gradients are the slopes", () => {
  it.each([
    ["LayerNormalization", new LayerNormalization({ dtype })],
    ["LayerNormalization of two axes", new LayerNormalization({ dtype, axis: [1, 2] })],
    ["LayerNormalization of the first axis", new LayerNormalization({ dtype, axis: 1, center: false })],
    ["RMSNormalization", new RMSNormalization({ dtype })],
    ["RMSNormalization of the first axis", new RMSNormalization({ dtype, axis: 1 })],
  ])("%s", (_, layer) => {
    setSeed(3);
    const x = input([2, 3, 5]);
    layer.build(x.shape);
    expect(largestSlopeError([x, ...layer.weights], () => weighted(layer.apply(x)))).toBeLessThanOrEqual(
      SLOPE_TOLERANCE,
    );
  });

  it.each([
    [
      "two inputs",
      {},
      [
        [2, 3, 4],
        [2, 5, 3],
      ],
      {},
    ],
    [
      "three inputs, another valueDim and outputShape",
      { valueDim: 2, outputShape: [2, 3] },
      [
        [2, 3, 4],
        [2, 5, 3],
        [2, 5, 2],
      ],
      {},
    ],
    [
      "a causal mask, no bias",
      { useBias: false },
      [
        [2, 4, 4],
        [2, 4, 4],
      ],
      { useCausalMask: true },
    ],
    [
      "a mask of the values",
      {},
      [
        [1, 2, 4],
        [1, 3, 3],
      ],
      { valueMask: tensor([[true, false, true]]) },
    ],
  ])("MultiHeadAttention, %s", (_, options, shapes, given) => {
    setSeed(4);
    const layer = new MultiHeadAttention({ numHeads: 2, keyDim: 3, dtype, ...options });
    const inputs = shapes.map(input);
    layer.build(shapes);
    expect(
      largestSlopeError([...inputs, ...layer.weights], () => weighted(layer.apply(inputs, given))),
    ).toBeLessThanOrEqual(SLOPE_TOLERANCE);
  });
});

describe("MultiHeadAttention", () => {
  const make = (options: Partial<layers.MultiHeadAttentionOptions> = {}): layers.MultiHeadAttention =>
    new MultiHeadAttention({ name: "a", numHeads: 2, keyDim: 3, ...options });

  it("attends to the tensor itself when it is given one", async () => {
    const layer = make();
    const x = randn([2, 4, 5]);
    const mask = tensor([
      [true, true, false, true],
      [true, false, false, false],
    ]);
    expect(await layer.apply(x).data()).toEqual(await layer.apply([x, x]).data());
    const masked = await layer.apply(x, { mask }).data();
    expect(masked).toEqual(await layer.apply([x, x], { valueMask: mask }).data());
    expect(masked).not.toEqual(await layer.apply(x).data());
  });

  it("takes one mask for all heads or one for each", async () => {
    const layer = make();
    const x = randn([2, 4, 5]);
    const causal = ones([2, 4, 4]).tril().cast("bool");
    const whole = full([2, 4, 4], true);
    const of = (...masks: Tensor[]): Tensor => layer.apply(x, { attentionMask: stack(masks, 1) });
    expect(await of(causal, causal).data()).toEqual(await layer.apply(x, { attentionMask: causal }).data());
    expect(await of(causal, causal).data()).toEqual(await layer.apply(x, { useCausalMask: true }).data());
    // The heads' results are added up.
    const crossed = of(causal, whole).add(of(whole, causal));
    expectClose(crossed.dataSync(), of(causal, causal).add(of(whole, whole)).dataSync(), 1e-5, "the sum of both ways");
    expect(await of(causal, whole).data()).not.toEqual(await of(whole, causal).data());
  });

  it("gives a query without a key the bias", async () => {
    const layer = make();
    layer.build([1, 2, 3]);
    layer.weights.at(-1)!.assign(tensor([1, 2, 3]));
    const y = layer.apply(randn([1, 2, 3]), { valueMask: full([1, 2], false) });
    expect(await y.data()).toEqual(Float32Array.of(1, 2, 3, 1, 2, 3));
  });

  it("drops in training only", async () => {
    const layer = make({ dropout: 0.5 });
    const x = randn([2, 8, 5]);
    const still = await layer.apply(x).data();
    expect(await layer.apply(x).data()).toEqual(still);
    expect(await layer.apply(x, { training: true }).data()).not.toEqual(still);
  });

  it("says its shape, and passes the query's mask on", () => {
    expect(make().computeOutputShape([null, 7, 5])).toEqual([null, 7, 5]);
    expect(
      make({ outputShape: [2, 3] }).computeOutputShape([
        [null, 7, 5],
        [null, 9, 4],
      ]),
    ).toEqual([null, 7, 2, 3]);
    const mask = tensor([[true, false]]);
    expect(make().computeMask(zeros([1, 2, 3]), mask)).toBe(mask);
  });

  it("stands in a Sequential", async () => {
    const model = new Sequential([
      new layers.Embedding({ inputDim: 7, outputDim: 4, maskZero: true, inputShape: [3] }),
      new LayerNormalization(),
      make(),
      new RMSNormalization(),
      new layers.Dense({ units: 2, activation: "softmax" }),
    ]);
    model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
    const x = tensor(Int32Array.of(1, 2, 0, 3, 4, 5), { shape: [2, 3] });
    const y = tensor(Int32Array.of(0, 1, 0, 1, 0, 1), { shape: [2, 3] });
    const { history } = await model.fit(x, y, { epochs: 60, verbose: 0 });
    expect(history["loss"]!.at(-1)!).toBeLessThan(history["loss"]![0]! / 2);
  });
});

describe("bad input", () => {
  it("makes no weights", () => {
    const layer = new MultiHeadAttention({ numHeads: 2, keyDim: 3 });
    expect(() => layer.apply([zeros([2, 3, 4]), zeros([3, 5, 4])])).toThrow(ShapeError);
    expect(layer.built).toBe(false);
  });

  const attention = (): layers.MultiHeadAttention => new MultiHeadAttention({ name: "a", numHeads: 2, keyDim: 3 });
  const [query, value] = [zeros([2, 3, 4]), zeros([2, 5, 4])];
  const cases: [string, () => unknown, new (message: string) => Error, string][] = [
    [
      "numHeads",
      () => new MultiHeadAttention({ name: "a", numHeads: 0, keyDim: 1 }),
      ArgumentError,
      "a: numHeads is wrong: 0",
    ],
    [
      "keyDim",
      () => new MultiHeadAttention({ name: "a", numHeads: 1, keyDim: 1.5 }),
      ArgumentError,
      "a: keyDim is wrong: 1.5",
    ],
    [
      "dropout",
      () => new MultiHeadAttention({ name: "a", numHeads: 1, keyDim: 1, dropout: 2 }),
      ArgumentError,
      "a: dropout is wrong: 2",
    ],
    [
      "outputShape",
      () => new MultiHeadAttention({ name: "a", numHeads: 1, keyDim: 1, outputShape: [] }),
      ArgumentError,
      "a: outputShape is wrong: [], expected at least one size",
    ],
    [
      "no value",
      () => attention().apply([query]),
      ArgumentError,
      "a: the input is wrong: a list of 1, expected a tensor, [query, value] or [query, value, key]",
    ],
    [
      "batches",
      () => attention().apply([query, zeros([3, 5, 4])]),
      ShapeError,
      "a: the batches differ: the query is [2,3,4], the value [3,5,4], the key [3,5,4]",
    ],
    [
      "lengths",
      () => attention().apply([query, value, zeros([2, 6, 4])]),
      ShapeError,
      "a: the lengths of key and value differ: the query is [2,3,4], the value [2,5,4], the key [2,6,4]",
    ],
    [
      "features",
      () => {
        const layer = attention();
        layer.apply([query, value]);
        layer.apply([query, zeros([2, 5, 3])]);
      },
      ShapeError,
      "a: the features are not those of the weights, [4,4,4] of query, key and value",
    ],
    [
      "rank",
      () => attention().apply(zeros([2, 3])),
      ShapeError,
      "a: the input does not fit: its shape is [2,3], expected [*,*,*]",
    ],
    [
      "attentionMask's shape",
      () => attention().apply([query, value], { attentionMask: full([2, 3, 3], true) }),
      ShapeError,
      "a: attentionMask does not fit: its shape is [2,3,3], expected [2,3,5] or [2,2,3,5]",
    ],
    [
      "valueMask's dtype",
      () => attention().apply([query, value], { valueMask: zeros([2, 5]) }),
      DTypeError,
      "a: valueMask is not bool: its dtype is float32, expected bool",
    ],
    [
      "keyMask's shape",
      () => attention().apply([query, value], { keyMask: full([2, 3], true) }),
      ShapeError,
      "a: keyMask does not fit: its shape is [2,3], expected [2,5]",
    ],
    [
      "useCausalMask",
      () => attention().apply(query, { useCausalMask: 1 as unknown as boolean }),
      ArgumentError,
      "a: useCausalMask is wrong: 1",
    ],
    ["axis", () => new LayerNormalization({ name: "n", axis: [] }), ArgumentError, "n: axis is wrong: []"],
    [
      "an axis that is not there",
      () => new LayerNormalization({ name: "n", axis: 3 }).apply(query),
      ShapeError,
      "n: the input does not fit: its shape is [2,3,4], expected […,*,*,*,*]",
    ],
    [
      "another size along the axes",
      () => {
        const layer = new RMSNormalization({ name: "n", axis: -2 });
        layer.apply(query);
        layer.apply(value);
      },
      ShapeError,
      "n: the input does not fit: its shape is [2,5,4], expected […,3,*]",
    ],
    [
      "an axis twice",
      () => new LayerNormalization({ name: "n", axis: [1, -2] }).apply(query),
      ArgumentError,
      "n: axis 1 is named twice",
    ],
    ["epsilon", () => new RMSNormalization({ name: "n", epsilon: -1 }), ArgumentError, "n: epsilon is wrong: -1"],
    [
      "center",
      () => new LayerNormalization({ name: "n", center: 1 as unknown as boolean }),
      ArgumentError,
      "n: center is wrong: 1",
    ],
  ];
  it.each(cases)("%s", (_, make, kind, message) => {
    expect(make).toThrow(kind);
    expect(make).toThrow(message);
  });
});

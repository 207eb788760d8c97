import { describe, expect, it } from "vitest";
import {
  ArgumentError,
  DTypeError,
  Sequential,
  ShapeError,
  layers,
  memory,
  ones,
  optimizers,
  randint,
  randn,
  setSeed,
  tensor,
  tidy,
  where,
  zeros,
  type Tensor,
} from "nabla";
import { expectClose } from "../support/check-op.js";
import { readKeras, setWeights, toTensor, valuesOf, type Numbers } from "../support/keras.js";
import { SLOPE_TOLERANCE, largestSlopeError } from "../support/slopes.js";

const { TransformerDecoderBlock, TransformerEncoderBlock } = layers;
const both = [
  ["encoder", TransformerEncoderBlock],
  ["decoder", TransformerDecoderBlock],
] as const;

interface Case {
  kind: "encoder" | "decoder" | "cross";
  options: { activation: "relu" | "gelu"; layerNormEpsilon: number; normalizeFirst: boolean };
  weights: Numbers[];
  calls: {
    x: Numbers;
    encoder: Numbers | null;
    mask: boolean[][] | null;
    encoderMask: boolean[][] | null;
    y: Numbers;
  }[];
}

/** Blocks as Keras' layers compute them: test/fixtures/keras_transformer.py. */
const keras = readKeras<{ cases: Case[] }>("keras_transformer");

/** Both sides compute in float32, some hundred roundings of values around 1; the fixture has six decimals. */
const TOLERANCE = 4e-6;

const toMask = (mask: boolean[][] | null): Tensor | null => mask && tensor(mask);

type Block = layers.TransformerEncoderBlock | layers.TransformerDecoderBlock;

describe("blocks give what Keras gives", () => {
  it("in six cases", () => expect(keras.cases.length).toBe(6));
  it.each(keras.cases.map((entry) => [entry.kind, JSON.stringify(entry.options), entry] as const))(
    "%s %s",
    (kind, _, { options, weights, calls }) => {
      const given = { ...options, numHeads: 2, intermediateDim: 6 };
      const decoder = new TransformerDecoderBlock(given);
      const encoder = new TransformerEncoderBlock(given);
      const block: Block = kind === "encoder" ? encoder : decoder;
      if (kind === "cross") decoder.build([calls[0]!.x.shape, calls[0]!.encoder!.shape]);
      else block.build(calls[0]!.x.shape);
      setWeights(block, weights);
      expect(calls.length).toBe(2);
      for (const call of calls) {
        const [x, mask, encoderMask] = [toTensor(call.x), toMask(call.mask), toMask(call.encoderMask)];
        const y =
          kind === "encoder"
            ? encoder.apply(x, { mask })
            : kind === "decoder"
              ? decoder.apply(x, { mask })
              : decoder.apply([x, toTensor(call.encoder!)], { mask, encoderMask });
        expect(y.shape).toEqual(call.y.shape);
        expectClose(y.dataSync(), valuesOf(call.y), TOLERANCE, "the result");
      }
    },
  );
});

const dtype = "float64";
/** Gelu, because relu has a kink. */
const small = { numHeads: 2, intermediateDim: 5, activation: "gelu", dtype } as const;

describe("gradients agree with finite differences", () => {
  const mask = tensor([
    [true, true, false],
    [true, false, false],
  ]);
  const encoderMask = tensor([
    [false, true],
    [true, true],
  ]);
  const input = (...shape: number[]): Tensor => randn(shape, { dtype, requiresGrad: true });
  it.each([false, true])("of an encoder block, normalizeFirst: %s", (normalizeFirst) => {
    setSeed(1);
    const block = new TransformerEncoderBlock({ ...small, normalizeFirst, biasInitializer: "uniform" });
    const [x, scale] = [input(2, 3, 4), randn([2, 3, 4], { dtype })];
    block.build(x.shape);
    expect(
      largestSlopeError([x, ...block.weights], () => block.apply(x, { mask }).mul(scale).sum()),
    ).toBeLessThanOrEqual(SLOPE_TOLERANCE);
  });
  it.each([false, true])("of a decoder block with an encoder's output, normalizeFirst: %s", (normalizeFirst) => {
    setSeed(2);
    const block = new TransformerDecoderBlock({ ...small, normalizeFirst, biasInitializer: "uniform" });
    const [x, encoderOutput, scale] = [input(2, 3, 4), input(2, 2, 3), randn([2, 3, 4], { dtype })];
    block.build([x.shape, encoderOutput.shape]);
    const run = (): Tensor => block.apply([x, encoderOutput], { mask, encoderMask }).mul(scale).sum();
    expect(largestSlopeError([x, encoderOutput, ...block.weights], run)).toBeLessThanOrEqual(SLOPE_TOLERANCE);
  });
});

/** The largest difference between two results in the places where `where` is true, by step of a sample. */
function difference(a: Tensor, b: Tensor, counts: (sample: number, step: number) => boolean): number {
  const [, time, features] = a.shape as [number, number, number];
  const [left, right] = [a.dataSync(), b.dataSync()];
  let largest = 0;
  left.forEach((value, i) => {
    const row = Math.floor(i / features);
    if (counts(Math.floor(row / time), row % time)) largest = Math.max(largest, Math.abs(value - right[i]!));
  });
  return largest;
}

describe("masks", () => {
  const kept = [
    [true, true, false, true],
    [true, false, false, false],
  ];
  const mask = tensor(kept);
  const counts = (sample: number, step: number): boolean => kept[sample]![step]!;
  /** Other values in the steps that do not count. */
  const change = (x: Tensor): Tensor => where(mask.expandDims(-1), x, randn(x.shape)) as Tensor;

  it.each([
    ["encoder", new TransformerEncoderBlock({ numHeads: 2, intermediateDim: 6 })],
    ["decoder", new TransformerDecoderBlock({ numHeads: 2, intermediateDim: 6, normalizeFirst: true })],
  ] satisfies [string, layers.Layer][] as [string, layers.Layer][])(
    "keep padding from the steps that count: %s",
    (_, block) => {
      setSeed(3);
      const x = randn([2, 4, 6]);
      const changed = change(x);
      expect(difference(block.apply(x, { mask }), block.apply(changed, { mask }), counts)).toBe(0);
      expect(difference(block.apply(x), block.apply(changed), counts)).toBeGreaterThan(1e-3);
      expect(block.computeMask(x, mask)).toBe(mask);
    },
  );

  it("of an embedding reach the blocks that follow", () => {
    setSeed(4);
    const blocks = [
      new TransformerEncoderBlock({ numHeads: 2, intermediateDim: 6 }),
      new TransformerEncoderBlock({ numHeads: 1, intermediateDim: 6 }),
    ];
    const model = new Sequential([
      new layers.Embedding({ inputDim: 5, outputDim: 6, maskZero: true }),
      new layers.PositionalEncoding(),
      ...blocks,
    ]);
    const padded = model.apply(tensor([[3, 1, 4, 0, 0]], { dtype: "int32" }));
    const alone = model.apply(tensor([[3, 1, 4]], { dtype: "int32" }));
    // The sums of the attention are of other lengths, with another order of the roundings.
    expect(difference(alone, padded.slice([null, [0, 3]]), () => true)).toBeLessThan(1e-6);
  });

  it("of the encoder's output keep its padding away", () => {
    setSeed(5);
    const block = new TransformerDecoderBlock({ numHeads: 3, intermediateDim: 6 });
    const [x, encoderOutput] = [randn([2, 3, 6]), randn([2, 4, 5])];
    const changed = change(encoderOutput);
    const run = (other: Tensor, encoderMask: Tensor | null): Tensor => block.apply([x, other], { encoderMask });
    expect(difference(run(encoderOutput, mask), run(changed, mask), () => true)).toBe(0);
    expect(difference(run(encoderOutput, null), run(changed, null), () => true)).toBeGreaterThan(1e-3);
  });

  it("say which steps attend to which", () => {
    setSeed(6);
    const block = new TransformerEncoderBlock({ numHeads: 2, intermediateDim: 6 });
    const x = randn([2, 4, 6]);
    const attentionMask = ones([2, 4, 4], { dtype: "bool" }).tril() as Tensor;
    const later = tensor([0, 0, 0, 1]).reshape([1, 4, 1]) as Tensor;
    const [before, after] = [x, x.add(later) as Tensor].map((each) => block.apply(each, { attentionMask }));
    expect(difference(before!, after!, (__, step) => step < 3)).toBe(0);
    expect(difference(before!, after!, (__, step) => step === 3)).toBeGreaterThan(1e-3);
  });

  it("are not needed by a decoder block not to see what comes later", () => {
    setSeed(7);
    const block = new TransformerDecoderBlock({ numHeads: 2, intermediateDim: 6 });
    const x = randn([2, 4, 6]);
    const changed = x.add(tensor([0, 0, 1, 1]).reshape([1, 4, 1])) as Tensor;
    expect(difference(block.apply(x), block.apply(changed), (_, step) => step < 2)).toBe(0);
    expect(difference(block.apply(x), block.apply(changed), (_, step) => step >= 2)).toBeGreaterThan(1e-3);
  });
});

describe("dropout", () => {
  it.each(both)("only happens in training: %s", (_, Block) => {
    setSeed(8);
    const options = { numHeads: 2, intermediateDim: 6, dropout: 0.5 };
    const block: layers.Layer = new Block(options);
    const plain: layers.Layer = new Block({ ...options, dropout: 0 });
    const x = randn([2, 5, 8]);
    [block, plain].forEach((each) => each.build(x.shape));
    plain.weights.forEach((weight, i) => void weight.assign(block.weights[i]!));
    expect(block.apply(x).dataSync()).toEqual(plain.apply(x).dataSync());
    expect(plain.apply(x, { training: true }).dataSync()).toEqual(plain.apply(x).dataSync());
    const [first, second] = [1, 2].map(() => block.apply(x, { training: true }).dataSync());
    expect(first).not.toEqual(second);
  });

  it("drops results before they are added", () => {
    setSeed(9);
    const options = { numHeads: 1, intermediateDim: 1, kernelInitializer: "zeros", biasInitializer: "ones" } as const;
    const block = new TransformerEncoderBlock({ ...options, dropout: 0.5, normalizeFirst: true });
    // Both sublayers give ones, for the kernels are zero: each is dropped or doubled.
    const values = block.apply(zeros([10, 10, 10]), { training: true }).dataSync();
    expect(new Set(values)).toEqual(new Set([0, 2, 4]));
  });
});

describe("training", () => {
  it("lowers the loss of a Sequential on padded sentences", async () => {
    setSeed(10);
    const model = new Sequential([
      new layers.Embedding({ inputDim: 10, outputDim: 8, maskZero: true, inputShape: [6] }),
      new layers.PositionalEncoding(),
      new TransformerEncoderBlock({ numHeads: 2, intermediateDim: 16, dropout: 0.1 }),
      new layers.LSTM({ units: 8 }),
      new layers.Dense({ units: 1, activation: "sigmoid" }),
    ]);
    expect(model.outputShape).toEqual([null, 1]);
    model.compile({
      optimizer: new optimizers.Adam({ learningRate: 0.01 }),
      loss: "binaryCrossentropy",
      metrics: ["accuracy"],
    });
    // Whether a sentence has the word 7, with padding behind it.
    const words = randint([256, 6], { low: 1, high: 10 });
    const lengths = randint([256, 1], { low: 1, high: 7 });
    const x = words.mul(tensor([[0, 1, 2, 3, 4, 5]], { dtype: "int32" }).less(lengths)) as Tensor;
    const y = x.equal(7).any({ axis: 1 }).cast("float32");
    const { history } = await model.fit(x, y, { epochs: 15, batchSize: 32 });
    expect(history["loss"]!.at(-1)!).toBeLessThan(history["loss"]![0]! / 2);
    expect(history["accuracy"]!.at(-1)!).toBeGreaterThan(0.9);
  });

  it("teaches a decoder block what follows", async () => {
    setSeed(11);
    const model = new Sequential([
      new layers.Embedding({ inputDim: 5, outputDim: 8, inputShape: [null] }),
      new layers.PositionalEncoding(),
      new TransformerDecoderBlock({ numHeads: 2, intermediateDim: 16, normalizeFirst: true }),
      new layers.Dense({ units: 5, activation: "softmax" }),
    ]);
    model.compile({
      optimizer: new optimizers.Adam({ learningRate: 0.02 }),
      loss: "sparseCategoricalCrossentropy",
      metrics: ["accuracy"],
    });
    // The number two steps before: 0 where there is none.
    const x = randint([128, 7], { high: 5 });
    const y = x.slice([null, [0, 5]]).pad([
      [0, 0],
      [2, 0],
    ]);
    const { history } = await model.fit(x, y, { epochs: 30, batchSize: 32 });
    expect(history["accuracy"]!.at(-1)!).toBeGreaterThan(0.95);
  });

  it("keeps no tensors", () => {
    const block = new TransformerDecoderBlock({ numHeads: 2, intermediateDim: 6, dropout: 0.1 });
    const [x, encoderOutput] = [randn([2, 3, 4]), randn([2, 5, 4])];
    const step = (): void =>
      tidy(() => {
        block.apply([x, encoderOutput], { training: true }).sum().backward();
      });
    step();
    const before = memory().tensors;
    step();
    expect(memory().tensors).toBe(before);
  });
});

describe("a block", () => {
  it("says its shape and counts its weights", () => {
    const encoder = new TransformerEncoderBlock({ numHeads: 4, intermediateDim: 10 });
    expect(encoder.computeOutputShape([null, null, 8])).toEqual([null, null, 8]);
    encoder.build([null, null, 8]);
    const attention = 4 * (8 * 8 + 8);
    const rest = 2 * 16 + 8 * 10 + 10 + 10 * 8 + 8;
    expect(encoder.countParams()).toBe(attention + rest);
    const decoder = new TransformerDecoderBlock({ numHeads: 4, intermediateDim: 10 });
    decoder.build([
      [null, null, 8],
      [null, 3, 8],
    ]);
    expect(decoder.countParams()).toBe(2 * attention + rest + 16);
    const shapes = [
      [null, 7, 8],
      [null, 3, 8],
    ];
    expect(decoder.computeOutputShape(shapes)).toEqual([null, 7, 8]);
    expect(decoder.apply([ones([2, 7, 8]), ones([2, 3, 8])]).shape).toEqual([2, 7, 8]);
  });

  it("has Keras' names and defaults", () => {
    const encoder = new TransformerEncoderBlock({ numHeads: 4, intermediateDim: 10 });
    expect(encoder.name).toMatch(/^transformer_encoder_block(_\d+)?$/);
    expect(encoder.layerNormEpsilon).toBe(1e-5);
    expect(encoder.dropout).toBe(0);
    expect(encoder.normalizeFirst).toBe(false);
    const decoder = new TransformerDecoderBlock({ numHeads: 4, intermediateDim: 10 });
    expect(decoder.name).toMatch(/^transformer_decoder_block(_\d+)?$/);
    const named = new TransformerEncoderBlock({ numHeads: 1, intermediateDim: 1, name: "first" });
    named.build([null, null, 2]);
    expect(named.selfAttention!.name).toBe("first/self_attention");
  });

  it("may be frozen before it is built, and after", () => {
    const frozen = new TransformerEncoderBlock({ numHeads: 1, intermediateDim: 3, trainable: false });
    frozen.build([null, null, 2]);
    expect(frozen.trainableWeights).toEqual([]);
    expect(frozen.weights.length).toBe(16);
    frozen.trainable = true;
    expect(frozen.trainableWeights.length).toBe(16);
  });

  it("takes the lengths 0 and 1", () => {
    const encoder = new TransformerEncoderBlock({ numHeads: 1, intermediateDim: 3 });
    const decoder = new TransformerDecoderBlock({ numHeads: 1, intermediateDim: 3 });
    for (const shape of [
      [1, 1, 1],
      [0, 3, 1],
      [2, 0, 1],
    ]) {
      expect(encoder.apply(ones(shape)).shape).toEqual(shape);
      expect(decoder.apply(ones(shape)).shape).toEqual(shape);
    }
  });
});

describe("a block refuses", () => {
  const options = { numHeads: 2, intermediateDim: 3, name: "block" };
  const bool = (...shape: number[]): Tensor => ones(shape, { dtype: "bool" });

  it("masks of the attention that do not fit", () => {
    const [x, encoderOutput] = [ones([2, 3, 4]), ones([2, 5, 4])];
    const encoder = new TransformerEncoderBlock(options);
    expect(() => encoder.apply(x, { attentionMask: bool(2, 3, 4) })).toThrow(ShapeError);
    expect(() => encoder.apply(x, { attentionMask: ones([2, 3, 3]) })).toThrow(DTypeError);
    const decoder = new TransformerDecoderBlock(options);
    const run = (masks: Partial<layers.TransformerDecoderCallOptions>): unknown =>
      decoder.apply([x, encoderOutput], masks);
    expect(() => run({ encoderMask: bool(2, 3) })).toThrow(ShapeError);
    expect(() => run({ encoderMask: bool(2, 3) })).toThrow("block/cross_attention: ");
    expect(() => run({ encoderMask: ones([2, 5]) })).toThrow(DTypeError);
    expect(() => run({ attentionMask: bool(2, 2, 3) })).toThrow(ShapeError);
  });

  it.each(both)("wrong options: %s", (_, Block) => {
    const make = (wrong: object): unknown => new Block({ ...options, ...wrong });
    expect(() => make({ numHeads: 0 })).toThrow("block: numHeads is wrong: 0, expected a positive integer");
    expect(() => make({ intermediateDim: 1.5 })).toThrow(
      "block: intermediateDim is wrong: 1.5, expected a positive integer",
    );
    expect(() => make({ dropout: 1 })).toThrow("block: dropout is wrong: 1, expected a number from 0 to below 1");
    expect(() => make({ layerNormEpsilon: -1 })).toThrow(
      "block: layerNormEpsilon is wrong: -1, expected a number of 0",
    );
    expect(() => make({ normalizeFirst: 1 })).toThrow("block: normalizeFirst is wrong: 1, expected true or false");
    expect(() => make({ activation: "rleu" })).toThrow('did you mean "relu"');
    expect(() => make({ numheads: 2 })).toThrow('did you mean "numHeads"');
    expect(() => make({ numHeads: 0 })).toThrow(ArgumentError);
  });

  it.each(both)("inputs that do not fit: %s", (_, Block) => {
    const block: layers.Layer = new Block(options);
    expect(() => block.apply(ones([2, 4]))).toThrow(
      "block: the input does not fit: its shape is [2,4], expected [*,*,*]",
    );
    expect(() => block.apply(ones([2, 3, 5]))).toThrow(ShapeError);
    expect(() => block.apply(ones([2, 3, 5]))).toThrow(
      "block: the heads do not divide the features: the input is [null,3,5], expected a multiple of 2 in axis -1",
    );
    expect(() => block.build([null, 3, null])).toThrow("block: axis -1 of the input must be known");
    expect(block.built).toBe(false);
    block.apply(ones([2, 3, 4]));
    expect(() => block.apply(ones([2, 3, 6]))).toThrow(ShapeError);
    expect(() => block.apply(ones([2, 3, 4]), { mask: ones([2, 3]) })).toThrow("block: the mask is not bool");
    expect(() => block.apply(ones([2, 3, 4]), { mask: ones([2, 4], { dtype: "bool" }) })).toThrow(
      "block: the mask does not fit the input",
    );
    expect(() => block.apply(ones([2, 3, 4]), { masks: null } as never)).toThrow('did you mean "mask"');
  });

  it("an encoder's output of another batch, before weights are made", () => {
    const block = new TransformerDecoderBlock({ ...options, name: "block" });
    const apply = (): Tensor => block.apply([ones([2, 3, 4]), ones([1, 5, 4])]);
    expect(apply).toThrow(ShapeError);
    expect(apply).toThrow("block: the batches differ: the input is [2,3,4], the encoder's output [1,5,4]");
    expect([block.built, block.weights]).toEqual([false, []]);
  });

  it("an encoder's output in one call only", () => {
    const [x, encoderOutput] = [ones([2, 3, 4]), ones([2, 5, 4])];
    const alone = new TransformerDecoderBlock(options);
    alone.apply(x);
    expect(() => alone.apply([x, encoderOutput])).toThrow(
      "block: the block was built without an encoder's output: this call has one",
    );
    expect(() => alone.apply([x] as never)).toThrow("block: the input is wrong: a list of 1");
    expect(() => alone.apply(x, { encoderMask: ones([2, 5], { dtype: "bool" }) })).toThrow(
      "block: encoderMask is for an encoder's output: this call has none",
    );
    const cross = new TransformerDecoderBlock(options);
    cross.apply([x, encoderOutput]);
    expect(() => cross.apply(x)).toThrow("block: the block was built with an encoder's output: this call has none");
    expect(() => cross.apply([x, x, x] as never)).toThrow(
      "block: the input is wrong: a list of 3, expected a tensor, or [x, encoderOutput]",
    );
    expect(() => alone.apply([] as never)).toThrow("block: the input is wrong: a list of 0");
  });
});

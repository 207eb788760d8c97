// Residual connections are added by the products that end a sublayer, or by the dropout behind: the same results as in two steps, without a pass.
import { describe, expect, it } from "vitest";
import { layers, noGrad, randn, setSeed, tensor, type Tensor } from "nabla";
import { expectClose } from "../support/check-op.js";
import { kernelsOf } from "../support/kernels.js";

const { Dense, MultiHeadAttention, TransformerDecoderBlock, TransformerEncoderBlock } = layers;

/** The block as its sublayers compute it one by one. */
function compose(
  block: layers.TransformerEncoderBlock | layers.TransformerDecoderBlock,
  x: Tensor,
  encoderOutput: Tensor | null,
): Tensor {
  const decodes = block instanceof TransformerDecoderBlock;
  const [inner, outer] = block.feedForward!;
  const sublayers: [layers.LayerNormalization, (x: Tensor) => Tensor][] = [
    [block.selfAttentionNormalization!, (y) => block.selfAttention!.apply(y, { useCausalMask: decodes })],
    [block.feedForwardNormalization!, (y) => outer.apply(inner.apply(y))],
  ];
  if (decodes && encoderOutput) {
    const { crossAttention, crossAttentionNormalization } = block;
    sublayers.splice(1, 0, [crossAttentionNormalization!, (y) => crossAttention!.apply([y, encoderOutput])]);
  }
  let y = x;
  for (const [normalization, sublayer] of sublayers) {
    if (block.normalizeFirst) y = y.add(sublayer(normalization.apply(y))) as Tensor;
    else y = normalization.apply(y.add(sublayer(y)) as Tensor);
  }
  return y;
}

/** Sums of three numbers around 1 and a normalization, which differ by an order of roundings at most. */
const TOLERANCE = { float32: 1e-6, float64: 1e-13 };

describe.each(["float32", "float64"] as const)(
  "blocks of %s add their inputs along with the last products",
  (dtype) => {
    const options = { numHeads: 3, intermediateDim: 7, biasInitializer: "uniform", dtype } as const;

    it.each([false, true])("encoder, normalizeFirst: %s", (normalizeFirst) => {
      setSeed(1);
      const block = new TransformerEncoderBlock({ ...options, normalizeFirst });
      const x = randn([2, 5, 9], { dtype });
      const y = block.apply(x);
      expectClose(y.dataSync(), compose(block, x, null).dataSync(), TOLERANCE[dtype], "the result");
      expect(block.apply(x, { training: true }).dataSync()).toEqual(y.dataSync());
      expect(noGrad(() => block.apply(x)).dataSync()).toEqual(y.dataSync());
      expect(kernelsOf(() => block.apply(x, { training: true }))).not.toContain("add");
    });

    it.each([false, true])("decoder with an encoder's output, normalizeFirst: %s", (normalizeFirst) => {
      setSeed(2);
      const block = new TransformerDecoderBlock({ ...options, normalizeFirst, dropout: 0.5 });
      const [x, encoderOutput] = [randn([2, 5, 9], { dtype }), randn([2, 3, 4], { dtype })];
      const y = block.apply([x, encoderOutput]);
      expectClose(y.dataSync(), compose(block, x, encoderOutput).dataSync(), TOLERANCE[dtype], "the result");
      expect(kernelsOf(() => block.apply([x, encoderOutput]))).not.toContain("add");
      // What is dropped is the sublayer's result alone.
      const kernels = kernelsOf(() => block.apply([x, encoderOutput], { training: true }));
      expect(kernels.filter((name) => name === "add" || name === "dropout").join()).toBe("dropout,dropout,dropout");
    });
  },
);

describe("gradients are added by the products that make them", () => {
  const options = { numHeads: 2, intermediateDim: 6 };
  const addsOf = (block: layers.Layer): number => {
    const x = randn([2, 5, 4], { requiresGrad: true });
    const y = block.apply(x, { training: true });
    return kernelsOf(() => y.backward(randn(y.shape))).filter((name) => name === "add").length;
  };
  it("of query, key and value, which are one tensor", () => {
    expect(addsOf(new MultiHeadAttention({ numHeads: 2, keyDim: 3 }) as layers.Layer)).toBe(0);
  });
  it("of a residual connection", () => {
    expect(addsOf(new TransformerEncoderBlock(options))).toBe(0);
    // The normalizations that come first make a gradient of their own.
    expect(addsOf(new TransformerEncoderBlock({ ...options, normalizeFirst: true }))).toBe(2);
  });
});

describe("applyAdding gives the sum of apply and the residual", () => {
  const x = tensor([[[1, -2, 3], [0.5, 2, -1]]]); // prettier-ignore

  type Adding = layers.Layer & { applyAdding(x: Tensor, residual?: Tensor): Tensor };
  class Doubled extends Dense {
    override call(input: Tensor): Tensor {
      return super.call(input).mul(2) as Tensor;
    }
  }
  class Negative extends MultiHeadAttention {
    override call(input: layers.AttentionInput, options: layers.AttentionCallOptions): Tensor {
      return super.call(input, options).neg();
    }
  }

  it.each([
    ["Dense", new Dense({ units: 4 })],
    ["Dense with relu, whose gradient reads its result", new Dense({ units: 4, activation: "relu" })],
    ["Dense with gelu", new Dense({ units: 4, activation: "gelu", useBias: false })],
    ["Dense with an activation that is no part of the product", new Dense({ units: 4, activation: "sigmoid" })],
    ["a subclass of Dense", new Doubled({ units: 4 })],
    ["MultiHeadAttention", new MultiHeadAttention({ numHeads: 2, keyDim: 3, outputShape: 4 })],
    ["a subclass of MultiHeadAttention", new Negative({ numHeads: 2, keyDim: 3, outputShape: 4 })],
  ] as [string, Adding][])("%s", (_, layer) => {
    setSeed(3);
    const residual = randn([1, 2, 4]);
    const run = (): Tensor => layer.applyAdding(x, residual);
    const expected = layer.apply(x).add(residual).dataSync();
    expectClose(run().dataSync(), expected, TOLERANCE.float32, "recorded");
    expectClose(noGrad(run).dataSync(), expected, TOLERANCE.float32, "not recorded");
    expect(layer.applyAdding(x).dataSync()).toEqual(layer.apply(x).dataSync());
  });

  it("to a result of several axes", () => {
    setSeed(4);
    const layer = new MultiHeadAttention({ numHeads: 2, keyDim: 3, outputShape: [2, 5] });
    const residual = randn([1, 2, 2, 5]);
    const y = layer.applyAdding(x, residual);
    expect(y.shape).toEqual([1, 2, 2, 5]);
    expectClose(y.dataSync(), layer.apply(x).add(residual).dataSync(), TOLERANCE.float32, "the result");
  });
});

import { describe, expect, it } from "vitest";
import { layers, tensor, type Tensor } from "nabla";
import { readKeras, valuesOf, type Numbers } from "../support/keras.js";

const EMPTY = { options: {}, weights: [] };

interface Case {
  layer: string;
  options: object;
  inputs: number[][];
  weights: number[][];
  mask?: boolean[][];
  y: Numbers;
  /** One for each input, then each weight: the product of the gradient with numbers of `values`. */
  gradients: number[];
}

// What is empty is left out in the file.
const cases = readKeras<{ cases: Case[] }>("keras_layers").cases.map((each) => ({ ...EMPTY, ...each }));
const classes = layers as unknown as Record<string, new (options: object) => layers.Layer<layers.Tensors>>;

/** The numbers that test/fixtures/keras_layers.py computes: float32 holds them all. */
function values(seed: number, shape: readonly number[], dtype: "float32" | "float64", requiresGrad = false): Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  const data = Float64Array.from({ length: size }, (_, i) => (((i * 37 + seed * 17) % 61) - 30 + 0.5) / 16);
  return tensor(data, { shape, dtype, requiresGrad });
}

// Keras computed in float64; the fixture has six decimals. In float32, sums of some ten numbers follow, each rounded to
// 2^-24 of its size, which may cancel in part: the largest difference is 1.4e-6.
const TOLERANCES = { float64: 1e-6, float32: 5e-6 };

const difference = (actual: number, expected: number): number =>
  Math.abs(actual - expected) / Math.max(1, Math.abs(expected));

describe.each(["float64", "float32"] as const)("layers of Keras 3, in %s", (dtype) => {
  it.each(cases)("$layer $options of $inputs", ({ layer: name, options, inputs, weights, mask, y, gradients }) => {
    const layer = new classes[name]!({ ...options, dtype });
    const given = inputs.map((shape, i) => values(i, shape, dtype, true));
    const [x, shapes] = given.length > 1 ? [given, inputs] : [given[0]!, inputs[0]!];
    layer.build(shapes);
    expect(layer.weights.map(({ shape }) => shape)).toEqual(weights);
    layer.weights.forEach((weight, i) => void weight.assign(values(10 + i, weight.shape, dtype)));

    const result = layer.apply(x, mask ? { mask: tensor(mask) } : {});
    expect([result.dtype, result.shape]).toEqual([dtype, y.shape]);
    expect(layer.computeOutputShape(shapes)).toEqual(y.shape);
    const elements = [...result.dataSync()].map((value, i) => difference(value, valuesOf(y)[i]!));
    expect(Math.max(...elements)).toBeLessThanOrEqual(TOLERANCES[dtype]);

    result
      .mul(values(20, y.shape, dtype))
      .sum()
      .backward();
    const products = [...given, ...layer.weights].map(({ grad, shape }, i) => grad!.mul(values(30 + i, shape, dtype)));
    expect(products).toHaveLength(gradients.length);
    const sums = products.map((product, i) => difference(product.sum().itemSync(), gradients[i]!));
    expect(Math.max(...sums)).toBeLessThanOrEqual(TOLERANCES[dtype]);
  });

  it("saw every case", () => expect(cases).toHaveLength(52));
});

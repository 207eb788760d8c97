import { describe, expect, it } from "vitest";
import { Sequential, ShapeError, grad, layers, memory, ones, randn, tensor, tidy, zeros } from "nabla";

const { PositionalEncoding } = layers;

/** Section 3.5 of "Attention is all you need". */
function expected(step: number, feature: number, features: number, maxWavelength = 10_000): number {
  const angle = step / maxWavelength ** ((2 * Math.floor(feature / 2)) / features);
  return feature % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
}

function expectedTable(time: number, features: number, maxWavelength?: number): number[] {
  const places = Array.from({ length: time * features }, (_, i) => [Math.floor(i / features), i % features] as const);
  return places.map(([step, feature]) => expected(step, feature, features, maxWavelength));
}

describe("PositionalEncoding", () => {
  it.each([
    [1, 1, 1],
    [1, 5, 8],
    [3, 7, 5],
    [2, 300, 6],
    [2, 3, 1],
    [1, 0, 4],
    [0, 3, 4],
  ])("adds the encoding to [%i,%i,%i]", (batch, time, features) => {
    const layer = new PositionalEncoding({ dtype: "float64" });
    const x = randn([batch, time, features], { dtype: "float64" });
    const y = layer.apply(x);
    expect(y.shape).toEqual(x.shape);
    expect(y.dtype).toBe("float64");
    const table = expectedTable(time, features);
    const [values, before] = [y.dataSync(), x.dataSync()];
    // The powers and the sum round differently: a few units of the last place of numbers up to 300.
    values.forEach((value, i) => expect(Math.abs(value - before[i]! - table[i % table.length]!)).toBeLessThan(1e-12));
  });

  it("rounds it to float32 only at the end", () => {
    const y = new PositionalEncoding().apply(zeros([1, 2000, 4])).dataSync();
    expectedTable(2000, 4).forEach((value, i) => expect(Math.abs(y[i]! - value)).toBeLessThan(2 ** -24));
  });

  it("takes another wavelength", () => {
    const layer = new PositionalEncoding({ maxWavelength: 100 });
    const y = layer.apply(zeros([1, 4, 6])).dataSync();
    expectedTable(4, 6, 100).forEach((value, i) => expect(y[i]).toBeCloseTo(value, 6));
    expect(layer.maxWavelength).toBe(100);
    const make = (maxWavelength: number): unknown => new PositionalEncoding({ maxWavelength, name: "places" });
    for (const wrong of [0, 0.5, NaN, Infinity]) {
      expect(() => make(wrong)).toThrow(
        `places: maxWavelength is wrong: ${wrong}, expected a number of 1 or more that is finite`,
      );
    }
    expect(() => new PositionalEncoding({ maxWaveLength: 3 } as never)).toThrow('did you mean "maxWavelength"');
  });

  it("gives sequences of all lengths the same encoding, and keeps one table", () => {
    const layer = new PositionalEncoding();
    const table = layer.apply(zeros([1, 40, 3])).dataSync();
    const run = (time: number): void =>
      tidy(() =>
        expect(
          layer
            .apply(zeros([2, time, 3]))
            .dataSync()
            .slice(0, 3 * time),
        ).toEqual(table.slice(0, 3 * time)),
      );
    run(40);
    const before = memory().tensors;
    for (const time of [1, 40, 17]) run(time);
    const other = new PositionalEncoding();
    for (let time = 1; time <= 40; time++) {
      const y = tidy(() => other.apply(zeros([1, time, 3])).dataSync());
      expect(y).toEqual(table.slice(0, 3 * time));
    }
    expect(memory().tensors).toBe(before + 1);
  });

  it("has no weights, and passes on the gradient, the mask and the shape", () => {
    const layer = new PositionalEncoding();
    layer.build([null, null, 4]);
    expect(layer.countParams()).toBe(0);
    expect(layer.computeOutputShape([null, null, 4])).toEqual([null, null, 4]);
    const x = randn([2, 3, 4]);
    const [gradient] = [grad((input) => layer.apply(input).mul(2).sum())(x)];
    expect(new Set(gradient!.dataSync())).toEqual(new Set([2]));
    const mask = tensor([
      [true, true, false],
      [true, false, false],
    ]);
    expect(layer.computeMask(x, mask)).toBe(mask);
    const model = new Sequential([new layers.Embedding({ inputDim: 3, outputDim: 4, maskZero: true }), layer]);
    expect(model.computeMask(tensor([[2, 1, 0]], { dtype: "int32" }))!.toArraySync()).toEqual([[true, true, false]]);
  });

  it("refuses other shapes", () => {
    const layer = new PositionalEncoding({ name: "places" });
    expect(() => layer.apply(ones([2, 3]))).toThrow(ShapeError);
    expect(() => layer.apply(ones([2, 3]))).toThrow(
      "places: the input does not fit: its shape is [2,3], expected [*,*,*]",
    );
    layer.apply(ones([1, 2, 3]));
    expect(() => layer.apply(ones([1, 2, 5]))).toThrow("expected [*,*,3]");
    expect(() => new PositionalEncoding({ name: "open" }).build([null, 3, null])).toThrow(
      "open: axis -1 of the input must be known",
    );
  });

  it("casts to its dtype", () => {
    expect(new PositionalEncoding().apply(ones([1, 1, 2], { dtype: "int32" })).toArraySync()).toEqual([[[1, 2]]]);
  });
});

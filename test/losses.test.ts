import { describe, expect, it } from "vitest";
import { ArgumentError, ShapeError, layers, losses, tensor, type Tensor } from "nabla";

const EPSILON = 1e-7;
const clip = (p: number): number => Math.min(1 - EPSILON, Math.max(EPSILON, p));

/** The largest error, relative to the larger of 1 and the value. */
function errorOf(actual: Tensor, expected: number[]): number {
  const values = actual.dataSync();
  if (values.length !== expected.length) return Infinity;
  return Math.max(...expected.map((value, i) => Math.abs(values[i]! - value) / Math.max(1, value)));
}
/** A dozen float32 roundings. */
const TOLERANCE = 2e-6;

const probabilities = [
  [0.7, 0.2, 0.1],
  [0.1, 0.1, 0.8],
];
const logits = [
  [1, -2, 0.5],
  [3, 0, -1],
];
const softmax = (row: number[]): number[] => {
  const total = row.reduce((sum, x) => sum + Math.exp(x), 0);
  return row.map((x) => Math.exp(x) / total);
};

describe("sparseCategoricalCrossentropy", () => {
  const labels = tensor(Int32Array.of(0, 1));
  it("of probabilities", () => {
    const loss = new losses.SparseCategoricalCrossentropy();
    expect(errorOf(loss.call(labels, tensor(probabilities)), [-Math.log(0.7), -Math.log(0.1)])).toBeLessThanOrEqual(
      TOLERANCE,
    );
    expect(
      errorOf(loss.apply(labels, tensor(probabilities)), [(-Math.log(0.7) - Math.log(0.1)) / 2]),
    ).toBeLessThanOrEqual(TOLERANCE);
  });

  it("scales probabilities to a sum of 1 and stays finite at 0", () => {
    const loss = new losses.SparseCategoricalCrossentropy();
    const doubled = probabilities.map((row) => row.map((p) => 2 * p));
    expect(errorOf(loss.call(labels, tensor(doubled)), [-Math.log(0.7), -Math.log(0.1)])).toBeLessThanOrEqual(
      TOLERANCE,
    );
    expect(
      errorOf(
        loss.call(
          labels,
          tensor([
            [0, 1],
            [1, 0],
          ]),
        ),
        [-Math.log(EPSILON), -Math.log(EPSILON)],
      ),
    ).toBeLessThanOrEqual(TOLERANCE);
  });

  it("of logits, and of a softmax layer's result, from logits", () => {
    const expected = [-Math.log(softmax(logits[0]!)[0]!), -Math.log(softmax(logits[1]!)[1]!)];
    expect(
      errorOf(new losses.SparseCategoricalCrossentropy({ fromLogits: true }).call(labels, tensor(logits)), expected),
    ).toBeLessThanOrEqual(TOLERANCE);
    const activation = new layers.Activation({ activation: "softmax" });
    expect(
      errorOf(new losses.SparseCategoricalCrossentropy().call(labels, activation.apply(tensor(logits))), expected),
    ).toBeLessThanOrEqual(TOLERANCE);
    // Probabilities alone would give -log(EPSILON) = 16.1.
    const steep = activation.apply(
      tensor([
        [100, 0],
        [0, 100],
      ]),
    );
    expect(
      errorOf(new losses.SparseCategoricalCrossentropy().call(tensor(Int32Array.of(1, 0)), steep), [100, 100]),
    ).toBeLessThanOrEqual(TOLERANCE);
  });

  it("takes labels [batch, 1], float labels and sequences", () => {
    const loss = new losses.SparseCategoricalCrossentropy({ fromLogits: true });
    const expected = loss.call(labels, tensor(logits)).toArraySync() as number[];
    expect(errorOf(loss.call(tensor([[0], [1]]), tensor(logits)), expected)).toBeLessThanOrEqual(TOLERANCE);
    expect(errorOf(loss.call(tensor([[0, 1]]), tensor([logits])), expected)).toBeLessThanOrEqual(TOLERANCE);
    expect(loss.call(tensor([[0, 1]]), tensor([logits])).shape).toEqual([1, 2]);
  });

  it("refuses labels of another shape", () => {
    expect(() => new losses.SparseCategoricalCrossentropy().call(tensor([0, 1, 2]), tensor(logits))).toThrow(
      "sparseCategoricalCrossentropy: the targets do not fit the predictions: yTrue is [3], yPred is [2,3]",
    );
  });
});

describe("categoricalCrossentropy", () => {
  const target = [
    [0.5, 0.5, 0],
    [0, 0, 1],
  ];
  const entropy = (t: number[][], p: number[][]): number[] =>
    t.map((row, i) => -row.reduce((sum, value, j) => sum + value * Math.log(clip(p[i]![j]!)), 0));

  it("of probabilities, logits and integer targets", () => {
    expect(
      errorOf(
        new losses.CategoricalCrossentropy().call(tensor(target), tensor(probabilities)),
        entropy(target, probabilities),
      ),
    ).toBeLessThanOrEqual(TOLERANCE);
    const fromLogits = new losses.CategoricalCrossentropy({ fromLogits: true });
    expect(
      errorOf(fromLogits.call(tensor(target), tensor(logits)), entropy(target, logits.map(softmax))),
    ).toBeLessThanOrEqual(TOLERANCE);
    const oneHot = tensor(Int32Array.of(0, 1, 0, 0, 0, 1), { shape: [2, 3] });
    expect(
      errorOf(
        fromLogits.call(oneHot, tensor(logits)),
        entropy(
          [
            [0, 1, 0],
            [0, 0, 1],
          ],
          logits.map(softmax),
        ),
      ),
    ).toBeLessThanOrEqual(TOLERANCE);
  });

  it("smooths its targets", () => {
    const smoothed = target.map((row) => row.map((t) => t * 0.7 + 0.3 / 3));
    const options = { labelSmoothing: 0.3 };
    expect(
      errorOf(
        new losses.CategoricalCrossentropy(options).call(tensor(target), tensor(probabilities)),
        entropy(smoothed, probabilities),
      ),
    ).toBeLessThanOrEqual(TOLERANCE);
    expect(
      errorOf(
        new losses.CategoricalCrossentropy({ ...options, fromLogits: true }).call(tensor(target), tensor(logits)),
        entropy(smoothed, logits.map(softmax)),
      ),
    ).toBeLessThanOrEqual(TOLERANCE);
  });

  it("refuses targets of another shape", () => {
    expect(() => new losses.CategoricalCrossentropy().call(tensor([0, 1]), tensor(logits))).toThrow(ShapeError);
  });
});

describe("binaryCrossentropy", () => {
  const entropy = (t: number, p: number): number => -(t * Math.log(clip(p)) + (1 - t) * Math.log(1 - clip(p)));

  it("of probabilities: the mean over the last axis", () => {
    const loss = new losses.BinaryCrossentropy();
    const y = [[1, 0, 0.5]];
    const p = [[0.9, 0.2, 0.6]];
    expect(
      errorOf(loss.call(tensor(y), tensor(p)), [(entropy(1, 0.9) + entropy(0, 0.2) + entropy(0.5, 0.6)) / 3]),
    ).toBeLessThanOrEqual(TOLERANCE);
  });

  it("of logits, also of a sigmoid layer's result, however large", () => {
    const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
    const x = tensor([[2], [-3], [200], [-200]]);
    const y = tensor(Int32Array.of(1, 1, 0, 0));
    const expected = [entropy(1, sigmoid(2)), entropy(1, sigmoid(-3)), 200, 0];
    expect(errorOf(new losses.BinaryCrossentropy({ fromLogits: true }).call(y, x), expected)).toBeLessThanOrEqual(
      TOLERANCE,
    );
    const activation = new layers.Activation({ activation: "sigmoid" });
    expect(errorOf(new losses.BinaryCrossentropy().call(y, activation.apply(x)), expected)).toBeLessThanOrEqual(
      TOLERANCE,
    );
  });

  it("smooths its targets towards a half", () => {
    const loss = new losses.BinaryCrossentropy({ labelSmoothing: 0.2 });
    expect(errorOf(loss.call(tensor([[1]]), tensor([[0.7]])), [entropy(0.9, 0.7)])).toBeLessThanOrEqual(TOLERANCE);
  });
});

describe("meanSquaredError and meanAbsoluteError", () => {
  it("are means over the last axis", () => {
    const [y, p] = [
      tensor([
        [1, 2],
        [3, 4],
      ]),
      tensor([
        [1.5, 2],
        [1, 8],
      ]),
    ];
    expect(errorOf(new losses.MeanSquaredError().call(y, p), [0.125, 10])).toBeLessThanOrEqual(TOLERANCE);
    expect(errorOf(new losses.MeanAbsoluteError().call(y, p), [0.25, 3])).toBeLessThanOrEqual(TOLERANCE);
    expect(errorOf(new losses.MeanSquaredError().apply(y, p), [5.0625])).toBeLessThanOrEqual(TOLERANCE);
  });

  it("take [batch] for [batch, 1]", () => {
    expect(errorOf(new losses.MeanSquaredError().call(tensor([1, 2]), tensor([[3], [5]])), [4, 9])).toBeLessThanOrEqual(
      TOLERANCE,
    );
  });

  it("refuse targets of another shape", () => {
    expect(() =>
      new losses.MeanSquaredError().call(
        tensor([1, 2]),
        tensor([
          [3, 4],
          [5, 6],
        ]),
      ),
    ).toThrow("meanSquaredError: the targets do not fit the predictions: yTrue is [2], yPred is [2,2]");
  });
});

describe("sample weights", () => {
  const loss = new losses.MeanSquaredError();
  const [yTrue, yPred] = [tensor([[0], [0], [0], [0]]), tensor([[1], [2], [3], [4]])];

  it("multiply the values, whose number the sum is divided by", () => {
    for (const sampleWeight of [tensor([1, 0, 2, 0.5]), tensor([[1], [0], [2], [0.5]])]) {
      expect(loss.apply(yTrue, yPred, { sampleWeight }).itemSync()).toBe((1 + 18 + 8) / 4);
    }
  });

  it("must have the leading axes of the values", () => {
    expect(() => loss.apply(yTrue, yPred, { sampleWeight: tensor([1, 2]) })).toThrow(
      "meanSquaredError: the sample weights do not fit: their shape is [2], the values have [4]",
    );
    expect(() => loss.apply(yTrue, yPred, { sampleWeight: tensor([1, 2]) })).toThrow(ShapeError);
  });
});

describe("options", () => {
  it.each([
    [
      () => new losses.SparseCategoricalCrossentropy({ fromLogit: true } as never),
      'unknown option: "fromLogit", did you mean "fromLogits"?',
    ],
    [
      () => new losses.BinaryCrossentropy({ fromLogits: 1 as never }),
      "binaryCrossentropy: fromLogits is wrong: 1, expected true or false",
    ],
    [
      () => new losses.CategoricalCrossentropy({ labelSmoothing: NaN }),
      "labelSmoothing is wrong: NaN, expected a number from 0 to below 1",
    ],
  ])("%# are checked", (make, message) => {
    expect(make).toThrow(ArgumentError);
    expect(make).toThrow(message);
  });
});

import { describe, expect, it } from "vitest";
import { memory, metrics, tensor, type Tensor } from "nabla";

const labels = tensor(Int32Array.of(2, 0, 1, 1));
const scores = tensor([
  [0.1, 0.2, 0.7],
  [0.5, 0.4, 0.1],
  [0.6, 0.3, 0.1],
  [0.2, 0.5, 0.3],
]);
const oneHot = tensor([
  [0, 0, 1],
  [1, 0, 0],
  [0, 1, 0],
  [0, 1, 0],
]);

describe("accuracies", () => {
  it.each([
    ["SparseCategoricalAccuracy", new metrics.SparseCategoricalAccuracy(), labels, scores, 0.75],
    [
      "SparseCategoricalAccuracy of [batch, 1]",
      new metrics.SparseCategoricalAccuracy(),
      labels.reshape([4, 1]),
      scores,
      0.75,
    ],
    ["CategoricalAccuracy", new metrics.CategoricalAccuracy(), oneHot, scores, 0.75],
    [
      "BinaryAccuracy",
      new metrics.BinaryAccuracy(),
      tensor([
        [1, 0],
        [0, 1],
      ]),
      tensor([
        [0.6, 0.5],
        [0.7, 0.2],
      ]),
      0.5,
    ],
    [
      "BinaryAccuracy, threshold",
      new metrics.BinaryAccuracy({ threshold: 0.65 }),
      tensor([
        [1, 0],
        [0, 1],
      ]),
      tensor([
        [0.6, 0.5],
        [0.7, 0.2],
      ]),
      0.25,
    ],
    ["accuracy of labels", new metrics.Accuracy(), labels, scores, 0.75],
    ["accuracy of float labels", new metrics.Accuracy(), tensor([[2], [0], [1], [1]]), scores, 0.75],
    ["accuracy of one-hot targets", new metrics.Accuracy(), oneHot, scores, 0.75],
    ["accuracy of one output", new metrics.Accuracy(), tensor([1, 0, 0]), tensor([[0.9], [0.1], [0.8]]), 2 / 3],
  ])("%s", async (_, metric, yTrue, yPred, expected) => {
    metric.updateState(yTrue, yPred);
    expect(await metric.result()).toBe(expected);
  });
});

describe("a metric", () => {
  it("is the mean over all batches since resetState, whatever their sizes", async () => {
    const metric = new metrics.MeanAbsoluteError();
    expect(await metric.result()).toBeNaN();
    metric.updateState(tensor([1, 2, 3]), tensor([[1], [4], [6]]));
    expect(await metric.result()).toBeCloseTo(5 / 3, 6);
    metric.updateState(tensor([10]), tensor([[0]]));
    expect(await metric.result()).toBeCloseTo(15 / 4, 6);
    metric.resetState();
    metric.updateState(tensor([10]), tensor([[9]]));
    expect(await metric.result()).toBe(1);
    expect(await new metrics.MeanSquaredError().result()).toBeNaN();
  });

  it("may be one of the user", async () => {
    class Largest extends metrics.Metric {
      constructor() {
        super("largest");
      }
      values(_: Tensor, yPred: Tensor): Tensor {
        return yPred.max({ axis: -1 });
      }
    }
    const metric = new Largest();
    metric.updateState(labels, scores);
    expect(await metric.result()).toBeCloseTo((0.7 + 0.5 + 0.6 + 0.5) / 4, 6);
  });

  it("holds one tensor, however many batches it saw", () => {
    const metric = new metrics.SparseCategoricalAccuracy();
    metric.updateState(labels, scores);
    const { tensors } = memory();
    for (let i = 0; i < 10; i++) metric.updateState(labels, scores);
    expect(memory().tensors).toBe(tensors);
    metric.resetState();
    expect(memory().tensors).toBe(tensors - 1);
  });

  it("refuses targets that do not fit", () => {
    expect(() => new metrics.CategoricalAccuracy().updateState(labels, scores)).toThrow(
      "categoricalAccuracy: the targets do not fit the predictions: yTrue is [4], yPred is [4,3]",
    );
    expect(() => new metrics.SparseCategoricalAccuracy().updateState(oneHot, scores)).toThrow("yTrue is [4,3]");
    expect(() => new metrics.BinaryAccuracy({ threshold: NaN })).toThrow("binaryAccuracy: threshold is wrong: NaN");
  });
});

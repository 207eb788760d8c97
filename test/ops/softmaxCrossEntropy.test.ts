import { describe, expect, test } from "vitest";
import { IndexError, softmaxCrossEntropy, tensor, type Tensor } from "nabla";
import { byLabel, byProbability, extreme } from "../cases/softmaxCrossEntropy.js";
import { softmaxCrossEntropy as reference } from "../reference/softmaxCrossEntropy.js";
import { checkOp } from "../support/check-op.js";

checkOp({
  op: "softmaxCrossEntropy",
  cases: [...byLabel, ...byProbability, ...extreme],
  run: ([logits, target], options) => softmaxCrossEntropy(logits!, target!, options),
  reference,
  tolerance: { float32: 1e-5, float64: 1e-12 }, // sums of up to 33 logarithms around 3
  gradient: [0],
});

describe("targets", () => {
  const logits = tensor([
    [1, 2],
    [3, 4],
  ]);
  test("class numbers of other integer dtypes", () => {
    const wanted = softmaxCrossEntropy(logits, tensor([0, 1], { dtype: "int32" })).itemSync();
    expect(softmaxCrossEntropy(logits, tensor(new Uint8Array([0, 1]))).itemSync()).toBe(wanted);
  });
  test.each([2, -1])("class %i of 2 is an IndexError", (label) => {
    const loss = softmaxCrossEntropy(logits, tensor([0, label], { dtype: "int32" }));
    expect(() => loss.dataSync()).toThrow(IndexError);
  });
});

test.each([
  ["labels", tensor([2], { dtype: "int32" })],
  ["probabilities", tensor(Float64Array.of(0.2, 0.5, 0.3), { shape: [1, 3] })],
])("the gradient of a gradient, by %s", (_, target) => {
  const values = Float64Array.of(0.3, -0.2, 0.9);
  const slope = (x: Tensor): Tensor => {
    const loss = softmaxCrossEntropy(x, target, { labelSmoothing: 0.1 });
    loss.mul(loss).backward(undefined, { createGraph: true });
    const first = x.grad!;
    x.grad = null;
    return first.square().sum();
  };
  const x = tensor(values, { shape: [1, 3], requiresGrad: true });
  slope(x).backward();
  const got = x.grad!.dataSync();
  const at = (place: number, shift: number): number =>
    slope(tensor(values.with(place, values[place]! + shift), { shape: [1, 3], requiresGrad: true })).itemSync();
  for (let i = 0; i < 3; i++) expect(got[i]).toBeCloseTo((at(i, 1e-5) - at(i, -1e-5)) / 2e-5, 7);
});

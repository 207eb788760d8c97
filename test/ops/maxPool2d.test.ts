import { expect, test } from "vitest";
import { maxPool2d, tensor } from "nabla";
import { cases, large, withNaN } from "../cases/maxPool2d.js";
import { maxPool2d as reference } from "../reference/maxPool2d.js";
import { checkOp } from "../support/check-op.js";

checkOp({
  op: "maxPool2d",
  cases: [...cases, ...large, withNaN],
  run: ([x], attrs) => maxPool2d(x!, attrs),
  reference,
});

test("the first of equal elements takes the gradient", () => {
  const x = tensor([1, 1, 1, 1], { shape: [1, 2, 2, 1], requiresGrad: true });
  maxPool2d(x).backward();
  expect(Array.from(x.grad!.dataSync())).toEqual([1, 0, 0, 0]);
});

test("windows of 2 by default", () => {
  expect(maxPool2d(tensor(new Float32Array(25), { shape: [1, 5, 5, 1] })).shape).toEqual([1, 2, 2, 1]);
});

test("says that its gradient has none", () => {
  const x = tensor([1, 2, 3, 4], { shape: [1, 2, 2, 1], requiresGrad: true });
  const y = maxPool2d(x);
  y.mul(y).sum().backward(undefined, { createGraph: true });
  expect(() => x.grad!.sum().backward()).toThrow(
    "maxPool2d: the gradient of its gradient is not available: call backward without createGraph",
  );
});

import { expect, test } from "vitest";
import { maxPool2d, tensor } from "nabla";
import { cases, large, withNaN } from "../cases/maxPool2d.js";
import { maxPool2d as reference } from "../reference/maxPool2d.js";
import { checkOp, type OpCheck } from "../support/check-op.js";
import { checkSecondDerivatives } from "../support/second-derivative.js";

const run: OpCheck<(typeof cases)[number]["attrs"]>["run"] = ([x], attrs) => maxPool2d(x!, attrs);

checkOp({ op: "maxPool2d", cases: [...cases, ...large, withNaN], run, reference });
checkSecondDerivatives({ op: "maxPool2d", cases: cases.filter(({ inputs }) => inputs[0]!.shape[0] !== 0), run });

test("the first of equal elements takes the gradient", () => {
  const x = tensor([1, 1, 1, 1], { shape: [1, 2, 2, 1], requiresGrad: true });
  maxPool2d(x).backward();
  expect(Array.from(x.grad!.dataSync())).toEqual([1, 0, 0, 0]);
});

test("windows of 2 by default", () => {
  expect(maxPool2d(tensor(new Float32Array(25), { shape: [1, 5, 5, 1] })).shape).toEqual([1, 2, 2, 1]);
});

test("the second derivative goes to the first of equal elements, or of NaN", () => {
  const x = tensor([1, 1, NaN, 2, 1, 0, NaN, 3], { shape: [1, 2, 4, 1], requiresGrad: true });
  const g = tensor([3, 5], { shape: [1, 1, 2, 1], requiresGrad: true });
  maxPool2d(x).mul(g).sum().backward(undefined, { createGraph: true });
  const gradient = x.grad!;
  expect(gradient.flatten().toArraySync()).toEqual([3, 0, 5, 0, 0, 0, 0, 0]);
  g.grad = null;
  gradient
    .mul(tensor([1, 2, 3, 4, 5, 6, 7, 8], { shape: [1, 2, 4, 1] }))
    .sum()
    .backward();
  expect(g.grad!.flatten().toArraySync()).toEqual([1, 3]);
});

import { expect, test } from "vitest";
import { ArgumentError, IndexError, ShapeError, index, slice, tensor, zeros } from "nabla";
import { cases, indexCases } from "../cases/slice.js";
import { index as indexReference, slice as reference } from "../reference/slice.js";
import { checkErrors } from "../support/check-errors.js";
import { checkOp } from "../support/check-op.js";
import { checkSecondDerivative } from "../support/second-derivative.js";

checkOp({
  op: "slice",
  cases,
  run: ([x], ranges) => slice(x!, ranges),
  reference,
  dtypes: ["float32", "float64", "int32", "uint8", "bool"],
});

test("copies nothing, and slices of slices", () => {
  const x = tensor([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const evens = x.slice([[null, null, 2]]);
  expect(evens.storage).toBe(x.storage);
  expect(evens.slice([[-1, 0, -2]]).toArraySync()).toEqual([8, 4]);
});

test("the gradient of a gradient", () => {
  const x = tensor([1, 2, 3], { requiresGrad: true });
  const y = x.slice([[1, null]]);
  y.mul(y).sum().backward(undefined, { createGraph: true });
  const first = x.grad!;
  x.grad = null;
  first.sum().backward();
  expect(x.grad!.toArraySync()).toEqual([0, 2, 2]);
});

checkOp({
  op: "index",
  cases: indexCases,
  run: ([x], items) => index(x!, ...items),
  reference: indexReference,
  dtypes: ["float32", "float64", "int32", "uint8", "bool"],
});

test("second derivatives", () => {
  checkSecondDerivative((x) => slice(x, [[1, null, 2], null]), [[4, 2]]);
  checkSecondDerivative(
    (x) => index(x!, "...", [null, null, -2], "newAxis", -1).mul(index(x!, 0, [0, 2], "newAxis", 1)),
    [[2, 3, 2]],
  );
});

const m23 = zeros([2, 3]);
const fits = 'expected at most one an axis of [2,3] and one "..."';
checkErrors({
  index: [
    [() => index(m23, 2), IndexError, "index: 2 is outside axis 0: the shape is [2,3], expected -2 to 1"],
    [() => index(m23, null, -4), IndexError, "index: -4 is outside axis 1: the shape is [2,3], expected -3 to 2"],
    [() => index(zeros([0]), 0), IndexError, "index: 0 is outside axis 0: the shape is [0], expected no index"],
    [() => index(m23, 0, 0, 0), ArgumentError, `index: the items do not fit: [0,0,0], ${fits}`],
    [() => index(m23, "...", "..."), ArgumentError, `index: the items do not fit: ["...","..."], ${fits}`],
    [
      () => index(m23, 0.5),
      ArgumentError,
      'index: not an index: 0.5, expected an integer, a range, null, "..." or "newAxis"',
    ],
    [() => index(m23, [0, 1, 0]), ArgumentError, "index: the step is 0: [0,1,0], expected a positive or negative step"],
    [
      () => index(m23, "all" as never),
      ArgumentError,
      'index: not a range: "all", expected [start, stop, step] of integers or null',
    ],
    [
      () => index(m23, ...new Array<"newAxis">(7).fill("newAxis")),
      ShapeError,
      "index: too many dimensions: the shape is [1,1,1,1,1,1,1,2,3], at most 8 are possible",
    ],
  ],
});

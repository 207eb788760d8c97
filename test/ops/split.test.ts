import { expect, test } from "vitest";
import { ArgumentError, ShapeError, arange, split, tensor, zeros } from "nabla";
import { cases } from "../cases/split.js";
import { split as reference } from "../reference/split.js";
import { checkErrors } from "../support/check-errors.js";
import { checkOp } from "../support/check-op.js";
import { checkSecondDerivative } from "../support/second-derivative.js";

checkOp({
  op: "split",
  cases,
  run: ([x], { parts, axis, part }) => split(x!, parts, axis)[part]!,
  reference,
  dtypes: ["float32", "float64", "int32", "uint8", "bool"],
});

test("the first axis by default, and no parts of nothing", () => {
  expect(split(arange(6), 3).map((part) => part.toArraySync())).toEqual([
    [0, 1],
    [2, 3],
    [4, 5],
  ]);
  expect(split(zeros([0]), [])).toEqual([]);
});

test("the gradient of some parts", () => {
  const x = tensor([1, 2, 3, 4, 5], { requiresGrad: true });
  const [a, , c] = x.split([2, 1, 2]);
  a!.mul(c!).sum().backward();
  expect(x.grad!.toArraySync()).toEqual([4, 5, 0, 1, 2]);
});

test("second derivatives", () => {
  checkSecondDerivative((x) => split(x, [2, 1, 2], 1), [[2, 5]]);
  checkSecondDerivative((x) => split(x, 3)[1]!.mul(split(x, 3)[2]!), [[6]]);
});

const m23 = zeros([2, 3]);
const misfit = "expected a positive integer or a list of sizes of 0 or more";
checkErrors({
  split: [
    [
      () => split(m23, 2, 1),
      ShapeError,
      "split: axis 1 cannot be cut so: the shape is [2,3], 2 equal parts, expected a divisor of 3",
    ],
    [
      () => split(zeros([2, 0]), 2 ** 31, 1),
      ShapeError,
      "split: axis 1 cannot be cut so: the shape is [2,0], 2147483648 equal parts, expected at most 65536 of an axis of size 0",
    ],
    [
      () => split(m23, [1, 1], -1),
      ShapeError,
      "split: axis 1 cannot be cut so: the shape is [2,3], sizes of [1,1], expected a sum of 3",
    ],
    [() => split(m23, 0), ArgumentError, `split: not a number or list of parts: 0, ${misfit}`],
    [() => split(m23, [3, -1]), ArgumentError, `split: not a number or list of parts: [3,-1], ${misfit}`],
    [() => split(m23, 1.5), ArgumentError, `split: not a number or list of parts: 1.5, ${misfit}`],
    [() => split(m23, 1, 2), ArgumentError, "split: axis 2 does not exist: the tensor has 2 dimensions"],
    [() => split(tensor(1), 1), ArgumentError, "split: axis 0 does not exist: the tensor has 0 dimensions"],
  ],
});

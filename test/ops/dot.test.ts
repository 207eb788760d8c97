import { expect, test } from "vitest";
import { ArgumentError, ShapeError, dot, outer, tensor, zeros } from "nabla";
import { dotCases, outerCases } from "../cases/dot.js";
import { dot as dotReference, outer as outerReference } from "../reference/dot.js";
import { checkErrors } from "../support/check-errors.js";
import { checkOp } from "../support/check-op.js";
import { checkSecondDerivative } from "../support/second-derivative.js";

checkOp({
  op: "dot",
  cases: dotCases,
  run: ([a, b]) => dot(a!, b!),
  reference: dotReference,
  dtypes: ["float32", "float64", "int32", "uint8", "bool"],
  outputDType: (dtype) => (dtype.startsWith("float") ? dtype : "int32"),
});

checkOp({
  op: "outer",
  cases: outerCases,
  run: ([a, b]) => outer(a!, b!),
  reference: outerReference,
  dtypes: ["float32", "float64", "int32", "uint8"],
});

test("promotion", () => {
  const whole = tensor([1, 2], { dtype: "int32" });
  expect(dot(tensor([0.5, 1]), whole)).toMatchObject({ dtype: "float32" });
  expect(dot(tensor([0.5, 1]), whole).itemSync()).toBe(2.5);
  expect(dot(whole, tensor([0.5, 1], { dtype: "float64" }))).toMatchObject({ dtype: "float64" });
  expect(outer(whole, tensor([0.5])).toArraySync()).toEqual([[0.5], [1]]);
  expect(outer(tensor([true]), tensor([true])).dtype).toBe("uint8");
});

test("second derivatives", () => {
  checkSecondDerivative((a, b) => dot(a, b), [[3], [3]]);
  checkSecondDerivative((a, b) => dot(a, b), [[2], [2, 2, 3]]);
  checkSecondDerivative((a, b) => outer(a, b), [[2], [3]]);
});

const m23 = zeros([2, 3]);
checkErrors({
  dot: [
    [() => dot(m23, m23), ShapeError, "dot: inner dimensions differ: a is [2,3], b is [2,3]"],
    [() => dot(zeros([2]), zeros([3])), ShapeError, "dot: inner dimensions differ: a is [2], b is [3]"],
    [() => dot(tensor(1), m23), ShapeError, "dot: an operand has no dimension: a is [], b is [2,3], use mul"],
    [
      () => dot(m23, zeros([1, 3, 2])),
      ShapeError,
      "dot: too many dimensions: a is [2,3], b is [1,3,2], use matmul for batches of matrices, or einsum",
    ],
    [() => dot(m23, 2 as never), ArgumentError, "dot: not a tensor: 2, expected a Tensor"],
  ],
  outer: [[() => outer(3 as never, m23), ArgumentError, "outer: not a tensor: 3, expected a Tensor"]],
});

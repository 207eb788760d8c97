import { describe, expect, test } from "vitest";
import { ArgumentError, norm, ShapeError, tensor } from "nabla";
import { cases, large, special } from "../cases/norm.js";
import { norm as reference } from "../reference/norm.js";
import { checkErrors } from "../support/check-errors.js";
import { checkOp } from "../support/check-op.js";
import { checkSecondDerivative } from "../support/second-derivative.js";

checkOp({
  op: "norm",
  cases: [...cases, ...large, ...special],
  run: ([x], options) => norm(x!, options),
  reference,
  dtypes: ["float32", "float64", "int32", "uint8", "bool"],
  outputDType: (dtype) => (dtype === "float64" ? dtype : "float32"),
  // The reference adds up 210,003 numbers one after another; one rounding of integers' results.
  tolerance: { float64: 1e-12, int32: 1e-6, uint8: 1e-6, bool: 1e-6 },
});

for (const ord of [1, 1.5, 2, 3, 5, Infinity]) {
  test(`second derivative of norm of order ${ord}`, () =>
    checkSecondDerivative((x) => norm(x, { ord }), [[2, 3]], "nonzero"));
  test(`second derivative of norm of order ${ord} over an axis`, () =>
    checkSecondDerivative((x) => norm(x, { ord, axis: 0 }), [[3, 2]], "nonzero"));
}

describe("the gradient at 0 is 0", () => {
  test.each([0.5, 1, 1.5, 2, 3, Infinity])("ord %s", (ord) => {
    const x = tensor([0, 0, 0], { requiresGrad: true });
    norm(x, { ord }).backward();
    expect(Array.from(x.grad!.dataSync(), (value) => value + 0)).toEqual([0, 0, 0]);
  });
});

test("equal magnitudes share the gradient of Infinity's norm", () => {
  const x = tensor([2, -2, 1], { requiresGrad: true });
  norm(x, { ord: Infinity }).backward();
  expect(x.grad!.toArraySync()).toEqual([0.5, -0.5, 0]);
});

checkErrors({
  norm: [
    [
      () => norm(tensor([1]), { ord: 0 }),
      ArgumentError,
      "norm: ord is wrong: 0, expected a positive number or Infinity",
    ],
    [
      () => norm(tensor([1]), { ord: "fro" } as object),
      ArgumentError,
      'norm: ord is wrong: "fro", expected a positive number or Infinity',
    ],
    [() => norm(tensor([1]), { axis: 1 }), ArgumentError, "norm: axis 1 does not exist: the tensor has 1 dimension"],
    [
      () => norm(tensor([], { shape: [2, 0] }), { ord: Infinity, axis: 1 }),
      ShapeError,
      "norm: there is no element to choose: the shape is [2,0]",
    ],
    [() => norm(1 as never), ArgumentError, "norm: not a tensor: 1, expected a Tensor"],
  ],
});

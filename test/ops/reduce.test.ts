import { describe, expect, test } from "vitest";
import {
  all,
  any,
  argMax,
  argMin,
  ArgumentError,
  max,
  mean,
  min,
  prod,
  sum,
  tensor,
  type ArgReduceOptions,
  type DType,
} from "nabla";
import { cases, empty, large, products, ties, truths, withNaN } from "../cases/reduce.js";
import { reference } from "../reference/reduce.js";
import { checkErrors } from "../support/check-errors.js";
import { checkOp } from "../support/check-op.js";
import { checkSecondDerivative } from "../support/second-derivative.js";

const ALL: DType[] = ["float32", "float64", "int32", "uint8", "bool"];
const isInteger = (dtype: DType): boolean => dtype !== "float32" && dtype !== "float64";
// Sums of at most 142,127 elements up to 1,110: pairwise, so that the error grows with the logarithm of the number.
const tolerance = { float32: 4e-6, float64: 1e-12 };

checkOp({
  op: "sum",
  cases: [...cases, ...large, ...empty],
  run: ([x], options) => sum(x!, options),
  reference: reference.sum,
  dtypes: ALL,
  outputDType: (dtype) => (isInteger(dtype) ? "int32" : dtype),
  tolerance,
});

checkOp({
  op: "mean",
  cases: [...cases, ...large, ...empty],
  run: ([x], options) => mean(x!, options),
  reference: reference.mean,
  dtypes: ALL,
  outputDType: (dtype) => (isInteger(dtype) ? "float32" : dtype),
  tolerance: { ...tolerance, int32: 1e-6, uint8: 1e-6, bool: 1e-6 }, // one rounding to float32
});

for (const [name, op] of [
  ["max", max],
  ["min", min],
] as const) {
  checkOp({
    op: name,
    cases: [...cases, ...large, withNaN],
    run: ([x], options) => op(x!, options),
    reference: reference[name],
    dtypes: ALL,
  });
}

for (const [name, op] of [
  ["argMax", argMax],
  ["argMin", argMin],
] as const) {
  checkOp<ArgReduceOptions>({
    op: name,
    cases: ties,
    run: ([x], options) => op(x!, options),
    reference: reference[name],
    dtypes: ALL,
    outputDType: () => "int32",
    gradient: "none",
  });
}

checkOp({
  op: "prod",
  cases: [...products, ...empty],
  run: ([x], options) => prod(x!, options),
  reference: reference.prod,
  dtypes: ALL,
  outputDType: (dtype) => (isInteger(dtype) ? "int32" : dtype),
  tolerance: { float32: 8e-6, float64: 1e-12 }, // a rounding for each of at most 67 factors
});

for (const [name, op] of [
  ["all", all],
  ["any", any],
] as const) {
  checkOp({
    op: name,
    cases: [...truths, ...empty],
    run: ([x], options) => op(x!, options),
    reference: reference[name],
    dtypes: ALL,
    outputDType: () => "bool",
    gradient: "none",
  });
}

test("products of integers wrap", () => {
  expect(prod(tensor([65536, 65537, 3], { dtype: "int32" })).itemSync()).toBe(196608); // modulo 2^32
});

test("second derivative of prod over all axes", () => checkSecondDerivative((x) => prod(x), [[2, 3]], "nonzero"));
test("second derivative of prod of one element", () => checkSecondDerivative((x) => prod(x, { axis: 1 }), [[3, 1]]));
test("second derivative of prod with zeros", () =>
  checkSecondDerivative((x) => prod(x, { axis: 0 }), [[4, 3]], [2, 0, 1, 0, 0, 3, 3, 2, 0, 1, 3, 0]));
test("second derivative of prod over an axis", () =>
  checkSecondDerivative((x) => prod(x, { axis: [0, 2] }), [[2, 2, 5]]));
test("second derivative of sum", () => checkSecondDerivative((x) => sum(x, { axis: 0 }), [[2, 3]]));
test("second derivative of mean", () => checkSecondDerivative((x) => mean(x, { axis: 1 }), [[2, 3]]));
test("second derivative of max", () => checkSecondDerivative((x) => max(x, { axis: 1 }), [[2, 3]], "distinct"));

checkErrors({
  reductions: [
    [() => prod(tensor([1]), { axis: 1 }), ArgumentError, "prod: axis 1 does not exist: the tensor has 1 dimension"],
    [() => all(tensor([1]), { axis: [0, -1] }), ArgumentError, "all: axis 0 is named twice"],
    [
      () => any(tensor([1]), { dim: 0 } as object),
      ArgumentError,
      'any: unknown option: "dim", expected one of axis, keepDims',
    ],
  ],
});

describe("gradients", () => {
  test.each([
    ["no zero", [2, 3, 4], [12, 8, 6]],
    ["one zero", [2, 0, 4], [0, 8, 0]],
    ["two zeros", [0, 0, 4], [0, 0, 0]],
    ["one element", [0], [1]],
  ])("of prod with %s", (_, values, wanted) => {
    const x = tensor(values, { requiresGrad: true });
    prod(x).backward();
    expect(x.grad!.toArraySync()).toEqual(wanted);
  });
  test("of prod of nothing", () => {
    const x = tensor([], { requiresGrad: true });
    prod(x).backward();
    expect(x.grad!.shape).toEqual([0]);
  });
  test("equal elements share the gradient of max", () => {
    const x = tensor(
      [
        [1, 3, 3],
        [2, 2, 2],
      ],
      { requiresGrad: true },
    );
    max(x, { axis: 1 }).backward(tensor([1, 3]));
    expect(x.grad!.toArraySync()).toEqual([
      [0, 0.5, 0.5],
      [1, 1, 1],
    ]);
  });
  test("the sum's gradient is a tensor of its own", () => {
    const x = tensor([1, 2, 3], { requiresGrad: true });
    sum(x).backward();
    sum(x).backward();
    expect(Array.from(x.grad!.dataSync())).toEqual([2, 2, 2]);
  });
});

import { describe, expect, test } from "vitest";
import { argMax, argMin, max, mean, min, sum, tensor, type ArgReduceOptions, type DType } from "nabla";
import { cases, empty, large, ties, withNaN } from "../cases/reduce.js";
import { reference } from "../reference/reduce.js";
import { checkOp } from "../support/check-op.js";

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

describe("gradients", () => {
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

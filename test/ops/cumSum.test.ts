import { expect, test } from "vitest";
import { ArgumentError, cumSum, tensor, type DType } from "nabla";
import { cases, large, special } from "../cases/cumSum.js";
import { cumSum as reference, runningSums } from "../reference/cumSum.js";
import { checkErrors } from "../support/check-errors.js";
import { checkOp } from "../support/check-op.js";
import { checkSecondDerivative } from "../support/second-derivative.js";

const dtypes: DType[] = ["float32", "float64", "int32", "uint8", "bool"];
const outputDType = (dtype: DType): DType => (dtype === "float32" || dtype === "float64" ? dtype : "int32");

checkOp({
  op: "cumSum",
  cases: [...cases, ...special],
  run: ([x], { axis, ...options }) => cumSum(x!, axis, options),
  reference,
  dtypes,
  outputDType,
});

checkOp({
  op: "cumSum of long axes",
  cases: large,
  run: ([x], { axis, ...options }) => cumSum(x!, axis, options),
  reference: runningSums,
  dtypes,
  outputDType,
});

test("second derivative of cumSum", () => checkSecondDerivative((x) => cumSum(x.mul(x), 0), [[3, 2]]));

test("float32 is summed in double", () => {
  const sums = cumSum(tensor(new Float32Array(1_000_000).fill(0.1)), 0).dataSync();
  expect(sums.at(-1)).toBe(Math.fround(Math.fround(0.1) * 1_000_000));
});

test("sums of integers wrap", () => {
  expect(cumSum(tensor([2 ** 31 - 1, 1, 5], { dtype: "int32" }), 0).toArraySync()).toEqual([
    2 ** 31 - 1,
    -(2 ** 31),
    -(2 ** 31) + 5,
  ]);
});

checkErrors({
  cumSum: [
    [() => cumSum(tensor(1), 0), ArgumentError, "cumSum: axis 0 does not exist: the tensor has 0 dimensions"],
    [
      () => cumSum(tensor([1]), undefined as never),
      ArgumentError,
      "cumSum: axis undefined does not exist: the tensor has 1 dimension",
    ],
    [
      () => cumSum(tensor([1]), 0, { reverse: 1 } as object),
      ArgumentError,
      "cumSum: reverse is wrong: 1, expected true or false",
    ],
    [
      () => cumSum(tensor([1]), 0, { exclusive: "no" } as object),
      ArgumentError,
      'cumSum: exclusive is wrong: "no", expected true or false',
    ],
  ],
});

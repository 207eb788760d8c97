import { describe, expect, test } from "vitest";
import { ArgumentError, argSort, memory, sort, tensor, tidy, topK, type DType } from "nabla";
import { cases, large, ties, topKCases, topKNaN, topKTies } from "../cases/sort.js";
import * as reference from "../reference/sort.js";
import { checkErrors } from "../support/check-errors.js";
import { checkOp } from "../support/check-op.js";
import { checkSecondDerivative } from "../support/second-derivative.js";

const dtypes: DType[] = ["float32", "float64", "int32", "uint8", "bool"];

checkOp({
  op: "sort",
  cases: [...cases, ...ties, ...large],
  run: ([x], options) => sort(x!, options),
  reference: reference.sort,
  dtypes,
});

checkOp({
  op: "argSort",
  cases: [...cases, ...ties, ...large],
  run: ([x], options) => argSort(x!, options),
  reference: reference.argSort,
  dtypes,
  outputDType: () => "int32",
  gradient: "none",
});

checkOp({
  op: "topK values",
  cases: [...topKCases, ...topKTies, topKNaN],
  run: ([x], { k, axis }) => topK(x!, k, { axis }).values,
  reference: reference.topKValues,
  dtypes,
});

checkOp({
  op: "topK indices",
  cases: [...topKCases, ...topKTies, topKNaN],
  run: ([x], { k, axis }) => topK(x!, k, { axis }).indices,
  reference: reference.topKIndices,
  dtypes,
  outputDType: () => "int32",
  gradient: "none",
});

test("second derivative of sort", () =>
  checkSecondDerivative((x) => sort(x.mul(x).mul(x), { axis: 0 }), [[3, 2]], "distinct"));
test("second derivative of topK", () =>
  checkSecondDerivative((x) => topK(x.mul(x).mul(x), 2).values, [[2, 5]], "distinct"));

describe("topK", () => {
  test.each([3, 300])("%i unsorted elements are the same ones", (k) => {
    const x = tensor(Float32Array.from({ length: 1000 }, (_, i) => (i * 7919) % 1009));
    const sorted = topK(x, k);
    const any = topK(x, k, { sorted: false });
    expect([...any.values.dataSync()].sort((a, b) => b - a)).toEqual([...sorted.values.dataSync()]);
    expect(x.gather(any.indices).toArraySync()).toEqual(any.values.toArraySync());
  });
});

test("nothing is left but the results", () => {
  tidy(() => {
    const x = tensor([[3, 1, 2], [1, 3, 2]]); // prettier-ignore
    const run = () => [sort(x), sort(x, { axis: 0 }), topK(x, 2, { axis: 0 })];
    run(); // makes the numbers that are kept
    const before = memory().tensors;
    run();
    expect(memory().tensors - before).toBe(4);
  });
});

checkErrors({
  sort: [
    [() => sort(tensor(1)), ArgumentError, "sort: axis -1 does not exist: the tensor has 0 dimensions"],
    [
      () => argSort(tensor([1]), { axis: 1 }),
      ArgumentError,
      "argSort: axis 1 does not exist: the tensor has 1 dimension",
    ],
    [
      () => sort(tensor([1]), { descending: 1 } as object),
      ArgumentError,
      "sort: descending is wrong: 1, expected true or false",
    ],
    [
      () => topK(tensor([1, 2]), 3),
      ArgumentError,
      "topK: k is out of range: 3, expected an integer from 0 to 2: the shape is [2], the axis 0",
    ],
    [
      () => topK(tensor([[1, 2]]), -1, { axis: 0 }),
      ArgumentError,
      "topK: k is out of range: -1, expected an integer from 0 to 1: the shape is [1,2], the axis 0",
    ],
    [
      () => topK(tensor([1, 2]), 1.5),
      ArgumentError,
      "topK: k is out of range: 1.5, expected an integer from 0 to 2: the shape is [2], the axis 0",
    ],
    [
      () => topK(tensor([1, 2]), 1, { sorted: "yes" } as object),
      ArgumentError,
      'topK: sorted is wrong: "yes", expected true or false',
    ],
    [() => topK(tensor(1), 1), ArgumentError, "topK: axis -1 does not exist: the tensor has 0 dimensions"],
  ],
});

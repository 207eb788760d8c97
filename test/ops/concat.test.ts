import { expect, test } from "vitest";
import { ArgumentError, ShapeError, concat, ones, stack, tensor, zeros } from "nabla";
import { concatCases, stackCases } from "../cases/concat.js";
import { concat as concatReference, stack as stackReference } from "../reference/concat.js";
import { checkErrors } from "../support/check-errors.js";
import { checkOp } from "../support/check-op.js";
import { checkSecondDerivative } from "../support/second-derivative.js";

checkOp({
  op: "concat",
  cases: concatCases,
  run: (inputs, { axis }) => concat(inputs, axis),
  reference: concatReference,
  dtypes: ["float32", "float64", "int32", "uint8", "bool"],
});

checkOp({
  op: "stack",
  cases: stackCases,
  run: (inputs, { axis }) => stack(inputs, axis),
  reference: stackReference,
  dtypes: ["float32", "float64", "int32", "uint8", "bool"],
});

test("the first axis by default", () => {
  expect(concat([ones([1, 2]), zeros([2, 2])]).shape).toEqual([3, 2]);
  expect(stack([ones([2]), zeros([2])]).toArraySync()).toEqual([
    [1, 1],
    [0, 0],
  ]);
});

test("promotion, with gradients in each input's own dtype", () => {
  const a = tensor([1.5], { requiresGrad: true });
  const b = tensor([2.5], { dtype: "float64", requiresGrad: true });
  const joined = concat([a, tensor([true]), b, tensor([3], { dtype: "int32" })]);
  expect(joined.dtype).toBe("float64");
  expect(joined.toArraySync()).toEqual([1.5, 1, 2.5, 3]);
  joined
    .mul(tensor([5, 6, 7, 8]))
    .sum()
    .backward();
  expect(a.grad).toMatchObject({ dtype: "float32" });
  expect([a.grad!.itemSync(), b.grad!.itemSync()]).toEqual([5, 7]);
  expect(stack([tensor([true]), tensor([7], { dtype: "uint8" })])).toMatchObject({ dtype: "uint8", shape: [2, 1] });
});

test("the same tensor twice", () => {
  const x = tensor([1, 2], { requiresGrad: true });
  concat([x, x])
    .mul(tensor([1, 2, 3, 4]))
    .sum()
    .backward();
  expect(x.grad!.toArraySync()).toEqual([4, 6]);
});

test("more tensors than one command takes", () => {
  const list = Array.from({ length: 5000 }, (_, i) => tensor([i, -i], { requiresGrad: i === 4321 }));
  const joined = stack(list);
  expect(joined.shape).toEqual([5000, 2]);
  expect(joined.index(4999).toArraySync()).toEqual([4999, -4999]);
  joined.mul(joined).sum().backward();
  expect(list[4321]!.grad!.toArraySync()).toEqual([8642, -8642]);
});

test("large copies, cut among threads", () => {
  const x = tensor(Float32Array.from({ length: 300_000 }, (_, i) => i)).reshape([1000, 300]);
  const joined = concat(
    [
      x,
      x
        .transpose()
        .slice([[0, 300]])
        .transpose()
        .mul(2),
    ],
    1,
  ).dataSync();
  let wrong = 0;
  for (let r = 0; r < 1000; r++)
    for (let c = 0; c < 600; c++) {
      const value = Math.fround(r * 300 + (c % 300)) * (c < 300 ? 1 : 2);
      if (joined[r * 600 + c] !== value) wrong++;
    }
  expect(wrong).toBe(0);
});

test("second derivatives", () => {
  checkSecondDerivative(
    (a, b) => concat([a!, b!, a!], 1),
    [
      [2, 3],
      [2, 1],
    ],
  );
  checkSecondDerivative(
    (a, b) => stack([a!, b!.transpose()], -1),
    [
      [2, 3],
      [3, 2],
    ],
  );
});

const m23 = zeros([2, 3]);
checkErrors({
  concat: [
    [() => concat([]), ArgumentError, "concat: not a list of tensors: [], expected an array of one or more"],
    [
      () => concat(m23 as never),
      ArgumentError,
      "concat: not a list of tensors: Tensor, expected an array of one or more",
    ],
    [() => concat([m23, 3 as never]), ArgumentError, "concat: not a tensor: 3, expected a Tensor"],
    [() => concat([m23], 2), ArgumentError, "concat: axis 2 does not exist: the tensor has 2 dimensions"],
    [
      () => concat([m23, m23, zeros([2, 4])]),
      ShapeError,
      "concat: the shapes differ beside axis 0: tensor 0 is [2,3], tensor 2 is [2,4]",
    ],
    [
      () => concat([m23, zeros([2])], -1),
      ShapeError,
      "concat: the shapes differ beside axis 1: tensor 0 is [2,3], tensor 1 is [2]",
    ],
    [
      () => concat([tensor(1), tensor(2)]),
      ShapeError,
      "concat: tensor 0 has no dimension: its shape is [], expected one at least, or use stack",
    ],
  ],
  stack: [
    [() => stack([]), ArgumentError, "stack: not a list of tensors: [], expected an array of one or more"],
    [() => stack([m23], 3), ArgumentError, "stack: axis 3 does not exist: the tensor has 3 dimensions"],
    [() => stack([m23, zeros([3, 2])]), ShapeError, "stack: the shapes differ: tensor 0 is [2,3], tensor 1 is [3,2]"],
    [
      () => stack([zeros([1, 1, 1, 1, 1, 1, 1, 1])]),
      ShapeError,
      "stack: too many dimensions: the shape is [1,1,1,1,1,1,1,1,1], at most 8 are possible",
    ],
  ],
});

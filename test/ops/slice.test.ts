import { expect, test } from "vitest";
import { slice, tensor } from "nabla";
import { cases } from "../cases/slice.js";
import { slice as reference } from "../reference/slice.js";
import { checkOp } from "../support/check-op.js";

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

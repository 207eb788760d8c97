import { expect, test } from "vitest";
import { tensor, where } from "nabla";
import { cases } from "../cases/where.js";
import { where as reference } from "../reference/where.js";
import { checkOp } from "../support/check-op.js";

checkOp({
  op: "where",
  cases,
  run: ([condition, a, b]) => where(condition!, a!, b!),
  reference,
  dtypes: ["float32", "float64", "int32", "uint8", "bool"],
  gradient: [1, 2],
});

test("numbers and promotion", () => {
  const condition = tensor([true, false]);
  expect(where(condition, 1, 0)).toMatchObject({ dtype: "int32" });
  expect(where(condition, tensor([1, 2], { dtype: "int32" }), 0.5).toArraySync()).toEqual([1, 0.5]);
  expect(where(condition, 0.5, tensor([1, 2], { dtype: "int32" }))).toMatchObject({ dtype: "float32" });
});

test("a NaN that is not chosen leaves the gradient alone", () => {
  const x = tensor([1, NaN], { requiresGrad: true });
  where(tensor([true, false]), x, 0)
    .sum()
    .backward();
  expect(Array.from(x.grad!.dataSync())).toEqual([1, 0]);
});

test("two numbers, of more than are kept for reuse", () => {
  const condition = tensor([true, false]);
  for (let i = 0; i < 200; i++) {
    // A number seen long ago and a new one: neither may be gone when the op runs.
    expect(where(condition, i % 3, i + 0.5).toArraySync()).toEqual([i % 3, i + 0.5]);
  }
});

import { expect, test } from "vitest";
import { ArgumentError, ShapeError, full, ones, tril, triu, zeros } from "nabla";
import { cases } from "../cases/tril.js";
import { tril as reference } from "../reference/tril.js";
import { checkErrors } from "../support/check-errors.js";
import { checkOp } from "../support/check-op.js";
import { checkSecondDerivative } from "../support/second-derivative.js";

for (const op of ["tril", "triu"] as const) {
  checkOp({
    op,
    cases: cases.filter(({ attrs }) => attrs.op === op),
    run: ([x], { k }) => (op === "tril" ? tril(x!, k) : triu(x!, k)),
    reference,
    dtypes: ["float32", "float64", "int32", "uint8", "bool"],
  });
}

test("the main diagonal by default, and zeros whatever was there", () => {
  const x = full([2, 2], NaN);
  expect(x.tril().toArraySync()).toEqual([
    [NaN, 0],
    [NaN, NaN],
  ]);
  expect(x.triu().toArraySync()).toEqual([
    [NaN, NaN],
    [0, NaN],
  ]);
});

test("large tensors, cut among threads", () => {
  expect(
    tril(ones([500, 500]))
      .sum()
      .itemSync(),
  ).toBe((500 * 501) / 2);
  expect(
    triu(ones([2, 500, 500]), 1)
      .sum()
      .itemSync(),
  ).toBe(500 * 499);
});

test("second derivatives", () => {
  checkSecondDerivative((x) => tril(x), [[3, 4]]);
  checkSecondDerivative((x) => triu(x, -1), [[2, 3, 2]]);
});

checkErrors({
  tril: [
    [() => tril(zeros([3])), ShapeError, "tril: not a matrix: the shape is [3], expected 2 dimensions or more"],
    [() => tril(zeros([3, 3]), 0.5), ArgumentError, "tril: k is out of range: 0.5, expected an integer"],
  ],
  triu: [
    [() => triu(zeros([])), ShapeError, "triu: not a matrix: the shape is [], expected 2 dimensions or more"],
    [() => triu(zeros([3, 3]), NaN), ArgumentError, "triu: k is out of range: NaN, expected an integer"],
  ],
});

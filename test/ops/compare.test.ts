import { expect, test } from "vitest";
import {
  equal,
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  notEqual,
  tensor,
} from "nabla";
import { comparisons, logical, negation } from "../cases/compare.js";
import { reference } from "../reference/compare.js";
import { checkOp } from "../support/check-op.js";

const compare = { equal, notEqual, greater, greaterEqual, less, lessEqual };
for (const name of Object.keys(compare) as (keyof typeof compare)[]) {
  checkOp({
    op: name,
    cases: comparisons,
    run: ([a, b]) => compare[name](a!, b!),
    reference: reference[name],
    dtypes: ["float32", "float64", "int32", "uint8", "bool"],
    outputDType: () => "bool",
    gradient: "none",
  });
}

const combine = { logicalAnd, logicalOr };
for (const name of Object.keys(combine) as (keyof typeof combine)[]) {
  checkOp({
    op: name,
    cases: logical,
    run: ([a, b]) => combine[name](a!, b!),
    reference: reference[name],
    dtypes: ["bool"],
    gradient: "none",
  });
}

checkOp({
  op: "logicalNot",
  cases: negation,
  run: ([x]) => logicalNot(x!),
  reference: reference.logicalNot,
  dtypes: ["bool"],
  gradient: "none",
});

test("operands are promoted", () => {
  expect(equal(tensor([1, 2], { dtype: "int32" }), 1.5).toArraySync()).toEqual([false, false]);
  expect(less(tensor([1, 2], { dtype: "int32" }), tensor([1.5, 1.5])).toArraySync()).toEqual([true, false]);
  expect(equal(tensor([true, false]), true).toArraySync()).toEqual([true, false]);
  expect(greater(2, tensor([1, 3])).toArraySync()).toEqual([true, false]);
});

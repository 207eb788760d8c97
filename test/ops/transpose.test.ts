import { expect, test } from "vitest";
import { permute, tensor, transpose } from "nabla";
import { cases } from "../cases/transpose.js";
import { transpose as reference } from "../reference/transpose.js";
import { checkOp } from "../support/check-op.js";

checkOp({
  op: "transpose",
  cases,
  run: ([x], axes) => transpose(x!, axes),
  reference,
  dtypes: ["float32", "float64", "int32", "uint8", "bool"],
});

checkOp({
  op: "permute",
  cases: cases.filter(({ attrs }) => attrs !== undefined),
  run: ([x], axes) => permute(x!, axes!),
  reference,
});

test("copies nothing", () => {
  const x = tensor([
    [1, 2],
    [3, 4],
  ]);
  expect(transpose(x).storage).toBe(x.storage);
});

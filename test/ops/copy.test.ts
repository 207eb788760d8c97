import { expect, test } from "vitest";
import { tensor } from "nabla";
import { copy } from "../../src/ts/op.js";
import { cases } from "../cases/copy.js";
import { copy as reference } from "../reference/copy.js";
import { checkOp } from "../support/check-op.js";

checkOp({
  op: "copy",
  cases,
  run: ([x]) => copy([x!], undefined)[0]!,
  reference,
  dtypes: ["float32", "float64", "int32", "uint8", "bool", "bfloat16", "float16"],
});

test("has memory of its own, in row-major order", () => {
  const x = tensor([
    [1, 2],
    [3, 4],
  ]).transpose();
  const y = copy([x], undefined)[0]!;
  expect(y.storage).not.toBe(x.storage);
  expect(y.isContiguous).toBe(true);
});

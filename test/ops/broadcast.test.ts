import { expect, test } from "vitest";
import { broadcastTo, tensor } from "nabla";
import { cases } from "../cases/broadcast.js";
import { broadcastTo as reference } from "../reference/broadcast.js";
import { checkOp } from "../support/check-op.js";

checkOp({
  op: "broadcastTo",
  cases,
  run: ([x], shape) => broadcastTo(x!, shape),
  reference,
  dtypes: ["float32", "float64", "int32", "uint8", "bool"],
});

test("copies nothing", () => {
  const x = tensor([1, 2]);
  expect(broadcastTo(x, [1000, 2]).storage).toBe(x.storage);
});

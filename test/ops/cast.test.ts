import { expect, test } from "vitest";
import { cast, tensor } from "nabla";
import { cases, specials } from "../cases/cast.js";
import { cast as reference } from "../reference/cast.js";
import { checkOp } from "../support/check-op.js";

for (const to of ["float32", "float64", "int32", "uint8", "bool"] as const) {
  checkOp({
    op: `cast to ${to}`,
    cases: [...cases, ...specials].filter(({ attrs }) => attrs === to),
    run: ([x]) => cast(x!, to),
    reference,
    dtypes: ["float32", "float64", "int32", "uint8", "bool"],
    outputDType: () => to,
    tolerance: { float32: 0, float64: 0 },
  });
}

test("the gradient comes back in the input's dtype", () => {
  const x = tensor([1, 2], { requiresGrad: true });
  x.cast("float64").sum().backward();
  expect(x.grad!.dtype).toBe("float32");
});

test("integers cut the graph", () => {
  const x = tensor([1.5], { requiresGrad: true });
  expect(x.cast("int32").cast("float32").requiresGrad).toBe(false);
});

test("the same dtype shares memory", () => {
  const x = tensor([1.5]);
  const y = x.cast("float32");
  expect(y.storage).toBe(x.storage);
  y.dispose();
  expect(x.itemSync()).toBe(1.5);
});

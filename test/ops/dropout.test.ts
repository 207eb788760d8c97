import { describe, expect, test } from "vitest";
import { dropout, setSeed, tensor } from "nabla";
import { dropoutAdding } from "../../src/ts/ops/dropout.js";
import { cases } from "../cases/dropout.js";
import { dropout as reference } from "../reference/dropout.js";
import { expectClose } from "../support/check-op.js";
import { draw, random } from "../support/values.js";

describe.each(cases)("%j at rate %f", (shape, rate) => {
  const values = draw("nonzero", shape, random(`dropout ${shape.join()}`));

  test.each(["float32", "float64"] as const)("value and gradient, %s", (dtype) => {
    const x = tensor(values, { shape, dtype, requiresGrad: true });
    setSeed(1234567890123);
    const y = dropout(x, rate);
    const tolerance = dtype === "float32" ? 1e-6 : 1e-14; // one multiplication by a rounded scale
    expect(y.shape).toEqual(shape);
    expectClose(y.dataSync(), reference(values, 1234567890123, rate), tolerance, "value");
    const g = draw("normal", shape, random("gradient"));
    y.backward(tensor(g, { shape, dtype }));
    expectClose(x.grad!.dataSync(), reference(g, 1234567890123, rate), tolerance, "gradient");
  });
});

describe.each(cases)("%j at rate %f, added to a residual", (shape, rate) => {
  const values = draw("nonzero", shape, random(`dropout ${shape.join()}`));
  const others = draw("normal", shape, random("residual"));

  test.each(["float32", "float64"] as const)("value and gradients, %s", (dtype) => {
    const x = tensor(values, { shape, dtype, requiresGrad: true });
    const residual = tensor(others, { shape, dtype, requiresGrad: true });
    setSeed(1234567890123);
    const y = dropoutAdding(x, rate, residual);
    const tolerance = dtype === "float32" ? 1e-6 : 1e-14; // a multiplication by a rounded scale, and a sum
    const dropped = reference(values, 1234567890123, rate);
    const sums = dropped.map((value, i) => value + others[i]!);
    expectClose(y.dataSync(), sums, tolerance, "value");
    const g = draw("normal", shape, random("gradient"));
    const gradient = tensor(g, { shape, dtype });
    y.backward(gradient);
    expectClose(x.grad!.dataSync(), reference(g, 1234567890123, rate), tolerance, "gradient of x");
    expect(residual.grad!.dataSync()).toEqual(gradient.dataSync());
  });
});

test("a residual that is a view", () => {
  const x = tensor([[1, 2], [3, 4]]); // prettier-ignore
  setSeed(5);
  const alone = dropout(x, 0.5);
  setSeed(5);
  expect(dropoutAdding(x, 0.5, x.transpose()).toArraySync()).toEqual(alone.add(x.transpose()).toArraySync());
});

test("views", () => {
  const x = tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  setSeed(5);
  const direct = dropout(tensor([1, 4, 2, 5, 3, 6], { shape: [3, 2] }), 0.5).dataSync();
  setSeed(5);
  expect(dropout(x.transpose(), 0.5).dataSync()).toEqual(direct);
});

test("drops the part that was asked for", () => {
  setSeed(7);
  const kept = dropout(tensor(new Float32Array(100_000).fill(1)), 0.3)
    .dataSync()
    .filter((value) => value !== 0).length;
  // Five standard deviations of a binomial distribution: sqrt(100000 * 0.3 * 0.7) is 145.
  expect(Math.abs(kept - 70_000)).toBeLessThan(725);
});

test("differs from call to call", () => {
  setSeed(7);
  const x = tensor(new Float32Array(64).fill(1));
  expect(dropout(x, 0.5).dataSync()).not.toEqual(dropout(x, 0.5).dataSync());
});

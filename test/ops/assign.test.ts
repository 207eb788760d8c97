import { describe, expect, test } from "vitest";
import { tensor } from "nabla";
import { assign } from "../../src/ts/ops/assign.js";
import { cases } from "../cases/assign.js";
import { assignRows } from "../reference/assign.js";
import { count } from "../reference/nd.js";
import { layouts } from "../support/layouts.js";
import { draw, random } from "../support/values.js";

describe.each(cases)("shape [%s]", (...shape) => {
  const source = { shape, data: draw("integers", shape, random("source")) };

  test.each(["float32", "float64", "int32"] as const)("whole tensors, %s", (dtype) => {
    for (const layout of Object.values(layouts)) {
      const laid = layout(source, dtype);
      if (!laid) continue;
      const target = tensor(new Float64Array(count(shape)), { shape, dtype });
      assign(target, laid.view);
      expect(Array.from(target.dataSync())).toEqual(Array.from(source.data));
    }
  });
});

describe.each(cases.filter((shape) => shape.length > 0))("shape [%s]", (...shape) => {
  test("into a view", () => {
    const source = { shape, data: draw("integers", shape, random("source")) };
    const whole = [2 * shape[0]!, ...shape.slice(1)];
    const target = { shape: whole, data: draw("integers", whole, random("target")) };
    const made = tensor(target.data, { shape: whole });
    assign(made.slice([[null, null, 2]]), tensor(source.data, { shape, dtype: "float64" }));
    expect(Array.from(made.dataSync())).toEqual(Array.from(assignRows(target, source)));
  });
});

test("is a method, and views of the same memory see it", () => {
  const x = tensor([1, 2, 3, 4]);
  const view = x.reshape([2, 2]);
  x.slice([[2]]).assign(tensor([7, 8]));
  expect(view.toArraySync()).toEqual([
    [1, 2],
    [7, 8],
  ]);
});

test("errors", () => {
  const x = tensor([1, 2]);
  expect(() => x.assign(tensor([1]))).toThrow("assign: the shapes differ: the target is [2], the source is [1]");
  expect(() => x.assign(tensor([1, 2], { dtype: "int32" }))).toThrow(
    "assign: the dtypes differ: the target is float32, the source is int32",
  );
  expect(() =>
    tensor([1])
      .broadcastTo([3])
      .assign(tensor([1, 2, 3])),
  ).toThrow(
    "assign: elements of the target share memory: it is a broadcast view of shape [3], expected a tensor or a view of distinct elements",
  );
  expect(Array.from(x.dataSync())).toEqual([1, 2]);
});

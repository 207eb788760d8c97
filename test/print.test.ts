import { inspect } from "node:util";
import { expect, test } from "vitest";
import { tensor, zeros } from "nabla";

test.each([
  [() => tensor([1.5, -2]), "Tensor float32 [2] cpu [ 1.5, -2 ]"],
  [() => tensor(0.1), "Tensor float32 [] cpu 0.1"],
  [() => tensor([true, false]), "Tensor bool [2] cpu [ true, false ]"],
  [
    () =>
      tensor(
        [
          [1, 2],
          [3, 4],
        ],
        { dtype: "int32" },
      ).transpose(),
    "Tensor int32 [2,2] cpu [ [ 1, 3 ], [ 2, 4 ] ]",
  ],
  [
    () => tensor([NaN, Infinity, 123456789], { dtype: "float64" }),
    "Tensor float64 [3] cpu [ NaN, Infinity, 123456789 ]",
  ],
  [() => tensor([16777217]), "Tensor float32 [1] cpu [ 16777216 ]"],
  [() => zeros([0]), "Tensor float32 [0] cpu []"],
  [() => zeros([40, 40]), "Tensor float32 [40,40] cpu (1600 elements)"],
])("%#", (make, text) => {
  expect(inspect(make())).toBe(text);
});

test("several lines for many values", () => {
  const [head, ...rows] = inspect(zeros([3, 30])).split("\n");
  expect(head).toBe("Tensor float32 [3,30] cpu");
  expect(rows.length).toBeGreaterThan(3);
});

test("inside other objects, and after dispose", () => {
  const x = tensor([1]);
  expect(inspect({ x })).toBe("{ x: Tensor float32 [1] cpu [ 1 ] }");
  expect(inspect({ a: { b: { c: { x } } } }, { depth: 2 })).toBe("{ a: { b: { c: [Object] } } }");
  x.dispose();
  expect(inspect(x)).toBe("Tensor float32 [1] cpu (disposed)");
});

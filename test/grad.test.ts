import { describe, expect, expectTypeOf, test } from "vitest";
import { grad, matmul, memory, randn, tensor, valueAndGrad, type Tensor } from "nabla";

const f64 = (...values: number[]): Tensor<"float64", 1> => tensor(Float64Array.from(values));
const values = (x: Tensor): number[] => Array.from(x.dataSync());

describe("grad", () => {
  test("of one input", () => {
    const x = f64(1, 2, 3);
    expect(values(grad((v: Tensor) => v.square().sum())(x))).toEqual([2, 4, 6]);
    expect(x.grad).toBeNull();
    expect(x.requiresGrad).toBe(false);
  });
  test("of several inputs", () => {
    const [a, b] = grad((x: Tensor, y: Tensor) => x.mul(y).sum())(f64(1, 2), f64(3, 4));
    expect(values(a)).toEqual([3, 4]);
    expect(values(b)).toEqual([1, 2]);
  });
  test("of gradients", () => {
    const cube = (x: Tensor): Tensor => x.pow(3).sum();
    const second = grad((x: Tensor) => grad(cube)(x).sum());
    expect(values(second(f64(2, -1)))).toEqual([12, -6]);
    const third = grad((x: Tensor) => second(x).sum());
    expect(values(third(f64(2, -1)))).toEqual([6, 6]);
  });
  test("zeros for an input that the result does not depend on", () => {
    const [a, b] = grad((...inputs: [Tensor, Tensor]) => inputs[0].sum())(f64(1, 2), f64(3));
    expect(values(a)).toEqual([1, 1]);
    expect(values(b)).toEqual([0]);
    expect(values(grad((...inputs: [Tensor]) => f64(inputs.length))(f64(5, 6)))).toEqual([0, 0]);
  });
  test("of the input itself", () => {
    expect(values(grad((x: Tensor) => x)(f64(7)))).toEqual([1]);
  });
  test("leaves the gradients of what else f uses alone", () => {
    const w = tensor(Float64Array.of(5), { requiresGrad: true });
    const outer = w.mul(2);
    const x = f64(3);
    expect(values(grad((v: Tensor) => v.mul(outer).sum())(x))).toEqual([10]);
    expect(w.grad).toBeNull();
    outer.backward();
    expect(values(w.grad!)).toEqual([2]);
  });
  test("createGraph lets the gradients be differentiated by what else f uses", () => {
    const w = tensor(Float64Array.of(5), { requiresGrad: true });
    const slope = grad((v: Tensor) => v.square().mul(w).sum(), { createGraph: true })(f64(3)); // 2 v w
    slope.sum().backward();
    expect(values(w.grad!)).toEqual([6]);
    expect(grad((v: Tensor) => v.mul(w).sum())(f64(3)).requiresGrad).toBe(false);
  });
  test("the gradients are part of the graph of inputs that require one", () => {
    const x = tensor(Float64Array.of(3), { requiresGrad: true });
    grad((v: Tensor) => v.pow(3).sum())(x.mul(2))
      .sum()
      .backward(); // d/dx 3 (2x)^2
    expect(values(x.grad!)).toEqual([72]);
  });
  test("keeps nothing alive", () => {
    const w = randn([16, 16]);
    const x = randn([16, 16]);
    const slope = grad((v: Tensor) => matmul(v, w).tanh().sum());
    slope(x).dispose();
    const before = memory().tensors;
    for (let i = 0; i < 20; i++) slope(x).dispose();
    // What f itself made is found by the collector; the graph holds none of it.
    expect(memory().tensors - before).toBeLessThanOrEqual(20 * 4);
  });
  test("types", () => {
    expectTypeOf(grad((x: Tensor<"float64">) => x.sum())).returns.toEqualTypeOf<Tensor<"float64">>();
    expectTypeOf(grad((x: Tensor, y: Tensor) => x.mul(y))).returns.toEqualTypeOf<[x: Tensor, y: Tensor]>();
  });
});

describe("valueAndGrad", () => {
  test("gives both", () => {
    const { value, grad: slope } = valueAndGrad((v: Tensor) => v.square().sum())(f64(1, 2, 3));
    expect(value.itemSync()).toBe(14);
    expect(value.requiresGrad).toBe(false);
    expect(values(slope)).toEqual([2, 4, 6]);
  });
});

describe("errors", () => {
  const sum = (x: Tensor): Tensor => x.sum();
  test("no function", () => {
    expect(() => grad(3 as never)).toThrow("grad: not a function: 3, expected a function");
    expect(() => valueAndGrad(null as never)).toThrow("valueAndGrad: not a function: null, expected a function");
  });
  test("an input that is no tensor", () => {
    expect(() => grad(sum)(3 as never)).toThrow("grad: not a tensor: 3, expected a Tensor");
  });
  test("an integer input", () => {
    expect(() => grad(sum)(tensor([1], { dtype: "int32" }))).toThrow(
      "grad: an input is not floating-point: its dtype is int32, expected float32 or float64",
    );
  });
  test("several elements", () => {
    expect(() => grad((x: Tensor) => x.mul(2))(f64(1, 2))).toThrow(
      "grad: the function gives several elements: its result is [2], expected one element, such as sum() gives",
    );
  });
  test("no tensor as result", () => {
    expect(() => grad((x: Tensor) => x.rank as never)(f64(1))).toThrow("grad: not a tensor: 1, expected a Tensor");
  });
});

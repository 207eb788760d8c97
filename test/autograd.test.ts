import { describe, expect, test } from "vitest";
import { ArgumentError, NablaError, ShapeError, noGrad, tensor, zeros, type Tensor } from "nabla";
import { assign } from "../src/ts/ops/assign.js";

const leaf = (...values: number[]): Tensor => tensor(Float64Array.from(values), { requiresGrad: true });

describe("backward", () => {
  test("adds to what is there", () => {
    const x = leaf(2);
    x.mul(3).backward();
    x.mul(4).backward();
    expect(x.grad!.itemSync()).toBe(7);
  });
  test("a tensor that is used several times, along paths of different lengths", () => {
    const x = leaf(2);
    const y = x.mul(x); // 4
    y.mul(x).add(y).add(x).backward(); // x^3 + x^2 + x
    expect(x.grad!.itemSync()).toBe(12 + 4 + 1);
  });
  test("a diamond passes each op once", () => {
    const x = leaf(1.5);
    let y: Tensor = x;
    for (let i = 0; i < 60; i++) y = y.add(y).mul(0.5);
    y.backward();
    expect(x.grad!.itemSync()).toBe(1);
  });
  test("a chain of 20,000 ops", () => {
    const x = leaf(1);
    let y: Tensor = x;
    for (let i = 0; i < 20_000; i++) y = y.add(1);
    y.backward();
    expect(x.grad!.itemSync()).toBe(1);
  });
  test("of a leaf itself", () => {
    const x = leaf(5);
    x.backward();
    expect(x.grad!.itemSync()).toBe(1);
  });
  test("with a gradient to start from", () => {
    const x = leaf(1, 2);
    const g = tensor(Float64Array.of(10, 20));
    x.mul(2).backward(g);
    expect(Array.from(x.grad!.dataSync())).toEqual([20, 40]);
    expect(Array.from(g.dataSync())).toEqual([10, 20]);
  });
  test("the gradient that was passed is not shared with the leaf", () => {
    const x = leaf(1, 2);
    const g = tensor(Float64Array.of(10, 20));
    x.backward(g);
    x.backward(g);
    expect(Array.from(x.grad!.dataSync())).toEqual([20, 40]);
    expect(Array.from(g.dataSync())).toEqual([10, 20]);
  });
  test("leaves do not share their gradients", () => {
    const [a, b] = [leaf(1), leaf(2)];
    a.add(b).backward();
    assign(a.grad!, tensor(Float64Array.of(100)));
    expect(b.grad!.itemSync()).toBe(1);
  });
  test("a gradient lies in memory as its leaf does, or in row-major order", () => {
    const values = tensor(Float64Array.of(1, 2, 3, 4, 5, 6), { shape: [3, 2] });
    const transposed = values.permute([1, 0]);
    const contiguous = tensor(Float64Array.of(1, 3, 5, 2, 4, 6), { shape: [2, 3] });
    for (const x of [transposed, contiguous]) {
      x.requiresGrad = true;
      x.permute([1, 0])
        .mul(values)
        .backward(tensor(Float64Array.of(1, 1, 1, 1, 1, 10), { shape: [3, 2] }));
      expect(Array.from(x.grad!.dataSync())).toEqual([1, 3, 5, 2, 4, 60]);
      expect(x.grad!.isContiguous).toBe(x === contiguous);
      x.mul(2).sum().backward();
      expect(Array.from(x.grad!.dataSync())).toEqual([3, 5, 7, 4, 6, 62]);
    }
  });
  test("gives nothing to tensors that want none", () => {
    const [x, constant] = [leaf(1), tensor(Float64Array.of(2))];
    const y = x.mul(constant);
    y.backward();
    expect(constant.grad).toBeNull();
    expect(y.grad).toBeNull();
  });
  test("two results of one graph", () => {
    const x = leaf(3);
    const shared = x.mul(x);
    const [a, b] = [shared.mul(2), shared.mul(3)];
    a.backward(undefined, { retainGraph: true });
    b.backward();
    expect(x.grad!.itemSync()).toBe(12 + 18);
  });
  test("works after the inputs were disposed of", () => {
    const [x, y] = [leaf(3), leaf(4)];
    const product = x.mul(y);
    const result = product.exp();
    product.dispose();
    y.dispose();
    result.backward();
    expect(x.grad!.itemSync()).toBe(Math.exp(12) * 4);
  });
});

describe("what is recorded", () => {
  test("nothing inside noGrad", () => {
    const x = leaf(1);
    expect(noGrad(() => x.mul(2)).requiresGrad).toBe(false);
    expect(x.mul(2).requiresGrad).toBe(true);
  });
  test("noGrad ends with an error too", () => {
    expect(() => noGrad(() => zeros([-1]))).toThrow(ShapeError);
    expect(leaf(1).mul(2).requiresGrad).toBe(true);
  });
  test("detach cuts", () => {
    const x = leaf(3);
    x.mul(x.detach()).backward();
    expect(x.grad!.itemSync()).toBe(3);
  });
  test("requiresGrad switched on later", () => {
    const x = tensor([1]);
    expect(x.mul(2).requiresGrad).toBe(false);
    x.requiresGrad = true;
    expect(x.mul(2).requiresGrad).toBe(true);
  });
});

describe("gradients of gradients", () => {
  /** The n-th derivative of f at x. */
  const derivative = (f: (x: Tensor) => Tensor, at: number, n: number): number => {
    const x = leaf(at);
    let y = f(x);
    for (let i = 0; i < n; i++) {
      x.grad = null;
      y.backward(undefined, { createGraph: true });
      y = x.grad!;
    }
    return y.itemSync();
  };
  test.each([
    ["x^4", (x: Tensor) => x.pow(4), (x: number) => 24 * x],
    ["exp(2x)", (x: Tensor) => x.mul(2).exp(), (x: number) => 8 * Math.exp(2 * x)],
    ["log x", (x: Tensor) => x.log(), (x: number) => 2 / x ** 3],
    ["1 / x", (x: Tensor) => x.neg().mul(-1).rsqrt().square(), (x: number) => -6 / x ** 4],
    ["2 / x", (x: Tensor) => tensor(Float64Array.of(2)).div(x), (x: number) => -12 / x ** 4],
    ["sqrt x", (x: Tensor) => x.sqrt(), (x: number) => (3 / 8) * x ** -2.5],
    ["x^2 |x|", (x: Tensor) => x.square().mul(x.abs()), () => 6],
    [
      "sigmoid x",
      (x: Tensor) => x.sigmoid(),
      (x: number) => {
        const s = 1 / (1 + Math.exp(-x));
        return s * (1 - s) * (1 - 6 * s + 6 * s * s);
      },
    ],
    [
      "tanh x",
      (x: Tensor) => x.tanh(),
      (x: number) => {
        const t = Math.tanh(x);
        return (1 - t * t) * (6 * t * t - 2);
      },
    ],
  ])("the third derivative of %s", (_, f, expected) => {
    for (const at of [0.3, 1.7]) {
      // float64 ops of some units of rounding, up to a dozen of them.
      expect(Math.abs(derivative(f, at, 3) / expected(at) - 1)).toBeLessThan(1e-11);
    }
  });
  test("through matmul, sum, broadcasting and views", () => {
    const x = leaf(1, 2, 3, 4);
    const m = x.reshape([2, 2]);
    const y = m
      .matmul(m.transpose())
      .sum()
      .add(m.mul(m.slice([[0, 1]])).sum());
    y.backward(undefined, { createGraph: true });
    const first = x.grad!;
    x.grad = null;
    first.square().sum().backward();
    // y is quadratic: y = x'Ax, the gradient 2Ax, the penalty 4x'A²x and its gradient 8A²x.
    const a = [
      [2, 0, 1.5, 0],
      [0, 2, 0, 1.5],
      [1.5, 0, 1, 0],
      [0, 1.5, 0, 1],
    ];
    const times = (v: number[]): number[] => a.map((row) => row.reduce((sum, value, i) => sum + value * v[i]!, 0));
    expect(Array.from(x.grad!.dataSync())).toEqual(times(times([1, 2, 3, 4])).map((value) => 8 * value));
  });
});

test("a gradient to start from that requires one itself", () => {
  const [x, g] = [leaf(3), leaf(5)];
  x.square().backward(g, { createGraph: true });
  const slope = x.grad!; // 2 x g
  x.grad = null;
  slope.backward();
  expect(g.grad!.itemSync()).toBe(6);
  expect(x.grad!.itemSync()).toBe(10);
});

describe("errors", () => {
  test("nothing to differentiate", () => {
    expect(() => tensor([1]).backward()).toThrow(
      new ArgumentError(
        "backward: nothing here requires a gradient: set requiresGrad on a tensor that it is computed from",
      ),
    );
  });
  test("several elements and no gradient", () => {
    expect(() => leaf(1, 2).mul(2).backward()).toThrow(
      "backward: the tensor has several elements: its shape is [2], pass a gradient of this shape",
    );
  });
  test("a gradient of another shape", () => {
    expect(() =>
      leaf(1, 2)
        .mul(2)
        .backward(tensor([1])),
    ).toThrow("backward: the gradient does not fit: it is [1], the tensor is [2]");
  });
  test("a gradient that is no tensor", () => {
    expect(() => leaf(1).backward(3 as never)).toThrow("backward: not a tensor: 3, expected a Tensor");
  });
  test("a gradient of another dtype", () => {
    expect(() =>
      leaf(1, 2)
        .mul(2)
        .backward(tensor([1, 1])),
    ).toThrow("backward: the gradient's dtype does not fit: it is float32, the tensor is float64");
  });
  test("twice", () => {
    const y = leaf(2).square();
    y.backward();
    expect(() => y.backward()).toThrow(
      "backward: the graph was used before: square has dropped what it saved; pass { retainGraph: true } to the first call",
    );
  });
  test("a saved value that was changed in place", () => {
    const x = leaf(2);
    const factor = tensor(Float64Array.of(3));
    const y = x.mul(factor);
    assign(factor, tensor(Float64Array.of(4)));
    expect(() => y.backward()).toThrow("mul: a tensor that backward needs was changed in place: its shape is [1]");
    expect(() => y.backward()).toThrow(NablaError);
  });
  test("requiresGrad of a result", () => {
    const y = leaf(1).mul(2);
    expect(() => (y.requiresGrad = false)).toThrow(
      "requiresGrad: the tensor is the result of an op: use detach() to cut it off",
    );
  });
  test("requiresGrad of integers", () => {
    expect(() => (tensor([1], { dtype: "int32" }).requiresGrad = true)).toThrow(
      "requiresGrad: only float32 and float64 tensors can require gradients: the dtype is int32",
    );
  });
});

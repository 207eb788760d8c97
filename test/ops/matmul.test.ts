import { describe, expect, test } from "vitest";
import { matmul, tensor, type Tensor } from "nabla";
import { cases, fused, large, type MatmulAttributes } from "../cases/matmul.js";
import { matmul as reference } from "../reference/matmul.js";
import { checkOp } from "../support/check-op.js";

const run = ([a, b, bias]: Tensor[], { activation = "none" }: MatmulAttributes): Tensor =>
  matmul(a!, b!, bias ? { bias, activation } : { activation });

checkOp({
  op: "matmul",
  cases: [...cases, ...fused],
  run,
  reference,
  tolerance: { float32: 2e-5, float64: 1e-12 }, // sums of at most 67 products around 1
});

checkOp({
  op: "matmul of large matrices",
  cases: large,
  run,
  reference,
  // K = 521 partial sums around sqrt(k), each rounded: a standard deviation of 1.3e-5, of which 1,813 elements see four.
  tolerance: { float32: 6e-5, float64: 1e-12 },
});

describe("matmul", () => {
  test("promotes float32 and float64", () => {
    const a = tensor([[1, 2]]);
    const b = tensor(new Float64Array([0.1, 0.2]), { shape: [2, 1] });
    expect(matmul(a, b)).toMatchObject({ dtype: "float64" });
    expect(matmul(a, b).itemSync()).toBeCloseTo(0.5, 12);
  });
  test("a bias that is a view", () => {
    const bias = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ])
      .transpose()
      .slice([[0, 1]])
      .squeeze();
    expect(matmul(tensor([[1]]), tensor([[0, 0]]), { bias }).toArraySync()).toEqual([[1, 4]]);
  });
  test("gradients of gradients, through bias and activation", () => {
    const x = tensor(new Float64Array([0.3, -0.2]), { shape: [1, 2] });
    const w = tensor(new Float64Array([0.5, 0.1]), { shape: [2, 1], requiresGrad: true });
    const y = matmul(x, w, { activation: "tanh" });
    y.backward(undefined, { createGraph: true });
    const first = w.grad!;
    w.grad = null;
    first.sum().backward();
    // d/dw of sum((1 - t^2) x) is -2 t (1 - t^2) x sum(x).
    const t = Math.tanh(0.13);
    const factor = -2 * t * (1 - t * t) * 0.1;
    expect(Array.from(w.grad!.dataSync())).toEqual([
      expect.closeTo(factor * 0.3, 12),
      expect.closeTo(factor * -0.2, 12),
    ]);
  });
});

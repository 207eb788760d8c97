import { describe, expect, test } from "vitest";
import { mean, randn, rmsNorm, setSeed, square, tensor, type Tensor } from "nabla";
import { cases, extreme } from "../cases/rmsNorm.js";
import { rmsNorm as reference, type RmsNormAttributes } from "../reference/rmsNorm.js";
import { checkOp, expectClose } from "../support/check-op.js";
import { checkSecondDerivative } from "../support/second-derivative.js";

function run([x, gamma]: Tensor[], { epsilon, axes }: RmsNormAttributes): Tensor {
  return rmsNorm(x!, gamma, { epsilon, axis: Array.from({ length: axes }, (_, i) => -1 - i) });
}

checkOp({ op: "rmsNorm", cases: [...cases, ...extreme], run, reference });

/** The unfused form. */
function composed(x: Tensor, gamma: Tensor): Tensor {
  const squares = mean(square(x), { axis: -1, keepDims: true });
  return x.mul(squares.add(1e-6).rsqrt()).mul(gamma) as Tensor;
}

describe("rmsNorm", () => {
  test("is its unfused form", () => {
    setSeed(1);
    const inputs = [[67, 129], [129]].map((shape) => randn(shape, { dtype: "float64", requiresGrad: true }));
    const dy = randn([67, 129], { dtype: "float64" });
    const results = [rmsNorm, composed].map((op) => {
      const y = op(inputs[0]!, inputs[1]!);
      y.backward(dy);
      const gradients = inputs.map((input) => input.grad!.dataSync());
      for (const input of inputs) input.grad = null;
      return [y.dataSync(), ...gradients];
    });
    results[0]!.forEach((values, i) => expectClose(values, results[1]![i]!, 1e-12, `result ${i}`));
  });

  test("second derivatives", () => {
    checkSecondDerivative((x, gamma) => rmsNorm(x, gamma), [[3, 5], [5]]);
    checkSecondDerivative((x) => rmsNorm(x, null, { axis: [-2, -1], epsilon: 0.1 }), [[2, 2, 3]]);
  });

  test("is a method", () => {
    const x = tensor([[3, 4]]);
    expectClose(x.rmsNorm().dataSync(), [3 / Math.sqrt(12.5), 4 / Math.sqrt(12.5)], 1e-6, "method");
  });

  const x = tensor([[1, 2]]);
  test.each<[string, () => unknown]>([
    ["rmsNorm: gamma does not fit: it is [2,1], expected [2]: x is [1,2]", () => rmsNorm(x, tensor([[1], [2]]))],
    [
      "rmsNorm: gamma's dtype does not fit: it is float64, x is float32",
      () => rmsNorm(x, tensor([1, 2], { dtype: "float64" })),
    ],
    ["rmsNorm: x is not floating-point: its dtype is bool, expected float32 or float64", () => rmsNorm(x.cast("bool"))],
    [
      "rmsNorm: epsilon is wrong: Infinity, expected a number of 0 or more that is finite",
      () => rmsNorm(x, null, { epsilon: Infinity }),
    ],
    [
      "rmsNorm: the axes are not the last ones: they are [0], the tensor has 2 dimensions",
      () => rmsNorm(x, null, { axis: -2 }),
    ],
    ["rmsNorm: axis -3 does not exist: the tensor has 2 dimensions", () => rmsNorm(x, null, { axis: -3 })],
  ])("%s", (message, call) => expect(call).toThrow(message));
});

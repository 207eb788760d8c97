import { describe, expect, test } from "vitest";
import { batchNorm, randn, rand, setSeed, tensor, type Tensor } from "nabla";
import { cases, extreme } from "../cases/batchNorm.js";
import { batchNorm as reference, type BatchNormAttributes } from "../reference/batchNorm.js";
import { batchNormTraining } from "../support/batch-norm-training.js";
import { checkOp, expectClose } from "../support/check-op.js";
import { checkSecondDerivative } from "../support/second-derivative.js";

function run([x, mean, variance, ...rest]: Tensor[], { epsilon, gamma, beta }: BatchNormAttributes): Tensor {
  return batchNorm(x!, mean!, variance!, gamma ? rest[0] : null, beta ? rest[Number(gamma)] : null, { epsilon });
}

checkOp({ op: "batchNorm", cases: [...cases, ...extreme], run, reference });

/** The unfused form. */
function composed(x: Tensor, mean: Tensor, variance: Tensor, gamma: Tensor, beta: Tensor): Tensor {
  return x.sub(mean).mul(variance.add(1e-3).rsqrt()).mul(gamma).add(beta) as Tensor;
}

describe("batchNorm", () => {
  test("is its unfused form", () => {
    setSeed(1);
    const shapes = [[5, 301, 12], [12], [12], [12], [12]];
    const inputs = shapes.map((shape, i) =>
      (i === 2 ? rand : randn)(shape, { dtype: "float64", requiresGrad: true }),
    ) as [Tensor, Tensor, Tensor, Tensor, Tensor];
    const dy = randn(shapes[0]!, { dtype: "float64" });
    const results = [batchNorm, composed].map((op) => {
      const y = op(...inputs);
      y.backward(dy);
      const gradients = inputs.map((input) => input.grad!.dataSync());
      for (const input of inputs) input.grad = null;
      return [y.dataSync(), ...gradients];
    });
    results[0]!.forEach((values, i) => expectClose(values, results[1]![i]!, 1e-11, `result ${i}`));
  });

  test("the gradient of x alone", () => {
    const x = tensor([[1, 2]], { requiresGrad: true });
    batchNorm(x, tensor([0, 0]), tensor([4, 0.25]), null, null, { epsilon: 0 })
      .sum()
      .backward();
    expect(x.grad!.toArraySync()).toEqual([[0.5, 2]]);
  });

  test("second derivatives, with given statistics and with those of x", () => {
    const vectors = [[3], [3], [3], [3]];
    checkSecondDerivative(
      (x, mean, variance, gamma, beta) => batchNorm(x!, mean!, variance!, gamma, beta),
      [[4, 3], ...vectors],
      "positive",
    );
    checkSecondDerivative((x, mean, variance) => batchNorm(x, mean, variance), [[2, 3], [3], [3]], "positive");
    checkSecondDerivative(
      (x, gamma, beta) => batchNormTraining(x!, gamma!, beta!, 0.01),
      [[4, 3], [3], [3]],
      "positive",
    );
  });

  test("is a method", () => {
    const x = tensor([[1, 3]]);
    const method = x.batchNorm(tensor([0, 1]), tensor([1, 4]), tensor([1, 2]), tensor([0, 1]), { epsilon: 0 });
    expect(method.toArraySync()).toEqual([[1, 3]]);
  });

  const x = tensor([[1, 2]]);
  const two = tensor([1, 2]);
  test.each<[string, () => unknown]>([
    ["batchNorm: mean does not fit: it is [1,2], expected [2]: x is [1,2]", () => batchNorm(x, x, two)],
    [
      "batchNorm: variance does not fit: it is [3], expected [2]: x is [1,2]",
      () => batchNorm(x, two, tensor([1, 2, 3])),
    ],
    ["batchNorm: gamma does not fit: it is [], expected [2]: x is [1,2]", () => batchNorm(x, two, two, tensor(1))],
    ["batchNorm: beta does not fit: it is [], expected [2]: x is [1,2]", () => batchNorm(x, two, two, null, tensor(1))],
    [
      "batchNorm: variance's dtype does not fit: it is float64, x is float32",
      () => batchNorm(x, two, two.cast("float64")),
    ],
    [
      "batchNorm: x is not floating-point: its dtype is int32, expected float32 or float64",
      () => batchNorm(x.cast("int32"), two, two),
    ],
    ["batchNorm: x has no channels: it is [], expected [..., channels]", () => batchNorm(tensor(1), two, two)],
    [
      "batchNorm: epsilon is wrong: -1, expected a number of 0 or more that is finite",
      () => batchNorm(x, two, two, null, null, { epsilon: -1 }),
    ],
    ["batchNorm: not a tensor: undefined, expected a Tensor", () => batchNorm(x, two, undefined as never)],
  ])("%s", (message, call) => expect(call).toThrow(message));
});

import { describe, expect, test } from "vitest";
import { batchNorm, batchNormTraining, memory, randn, rand, setSeed, tensor, type Tensor } from "nabla";
import { cases, extreme, trainingCases } from "../cases/batchNorm.js";
import {
  batchNorm as reference,
  batchNormTraining as trainingReference,
  channelMoments,
  type BatchNormAttributes,
} from "../reference/batchNorm.js";
import { checkOp, expectClose } from "../support/check-op.js";
import { checkSecondDerivative } from "../support/second-derivative.js";

function run([x, mean, variance, ...rest]: Tensor[], { epsilon, gamma, beta }: BatchNormAttributes): Tensor {
  return batchNorm(x!, mean!, variance!, gamma ? rest[0] : null, beta ? rest[Number(gamma)] : null, { epsilon });
}

checkOp({ op: "batchNorm", cases: [...cases, ...extreme], run, reference });

checkOp({
  op: "batchNormTraining",
  cases: trainingCases,
  run: ([x, ...rest], { epsilon, gamma, beta }) =>
    batchNormTraining(x!, gamma ? rest[0] : null, beta ? rest[Number(gamma)] : null, { epsilon }).y,
  reference: trainingReference,
});

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

  test("second derivatives", () => {
    const vectors = [[3], [3], [3], [3]];
    checkSecondDerivative(
      (x, mean, variance, gamma, beta) => batchNorm(x!, mean!, variance!, gamma, beta),
      [[4, 3], ...vectors],
      "positive",
    );
    checkSecondDerivative((x, mean, variance) => batchNorm(x, mean, variance), [[2, 3], [3], [3]], "positive");
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

describe("batchNormTraining", () => {
  test("is batchNorm with the statistics of x, and gives them", () => {
    setSeed(2);
    const inputs = [randn([6, 41, 37, 5]).mul(3).add(20).detach(), randn([5]), randn([5])] as [Tensor, Tensor, Tensor];
    for (const input of inputs) input.requiresGrad = true;
    const dy = randn(inputs[0].shape);
    const axis = [0, 1, 2];
    const ways = [
      (x: Tensor, gamma: Tensor, beta: Tensor) => batchNormTraining(x, gamma, beta).y,
      (x: Tensor, gamma: Tensor, beta: Tensor) => batchNorm(x, x.mean({ axis }), x.variance({ axis }), gamma, beta),
    ];
    const results = ways.map((way) => {
      const y = way(...inputs);
      y.backward(dy);
      const gradients = inputs.map((input) => input.grad!.dataSync());
      for (const input of inputs) input.grad = null;
      return [y.dataSync(), ...gradients];
    });
    // The mean is 20, with some 1e-6 of rounding: that many deviations of 3 off. dgamma adds 9,102 products.
    results[0]!.forEach((values, i) => expectClose(values, results[1]![i]!, i === 2 ? 1e-3 : 1e-5, `result ${i}`));
    const { mean, variance } = batchNormTraining(inputs[0]);
    expect([mean, variance].map(({ shape, requiresGrad }) => [shape, requiresGrad])).toEqual([
      [[5], false],
      [[5], false],
    ]);
    const moments = channelMoments({ shape: inputs[0].shape, data: Float64Array.from(inputs[0].dataSync()) });
    expectClose(mean.dataSync(), moments[0].data, 1e-6, "mean");
    expectClose(variance.dataSync(), moments[1].data, 1e-6, "variance");
  });

  test("second derivatives", () => {
    checkSecondDerivative(
      (x, gamma, beta) => batchNormTraining(x!, gamma!, beta!, { epsilon: 0.01 }).y,
      [[4, 3], [3], [3]],
      "positive",
    );
  });

  test("keeps nothing but its results and what backward reads", () => {
    const x = randn([50, 7], { requiresGrad: true });
    const before = memory().tensors;
    const { y, mean, variance } = batchNormTraining(x);
    expect(memory().tensors - before).toBe(4); // y, mean, variance, and 1 / deviation for backward
    y.sum().backward();
    for (const made of [y, mean, variance]) made.dispose();
    expect(x.grad!.shape).toEqual([50, 7]);
  });

  const x = tensor([[1, 2]]);
  test.each<[string, () => unknown]>([
    [
      "batchNormTraining: gamma does not fit: it is [1], expected [2]: x is [1,2]",
      () => batchNormTraining(x, tensor([1])),
    ],
    [
      "batchNormTraining: beta's dtype does not fit: it is float64, x is float32",
      () => batchNormTraining(x, null, tensor([1, 2], { dtype: "float64" })),
    ],
    [
      "batchNormTraining: x is not floating-point: its dtype is int32, expected float32 or float64",
      () => batchNormTraining(x.cast("int32")),
    ],
    ["batchNormTraining: x has no channels: it is [], expected [..., channels]", () => batchNormTraining(tensor(1))],
    [
      "batchNormTraining: x has no elements to take statistics of: it is [0,2]",
      () => batchNormTraining(x.slice([[0, 0]])),
    ],
    [
      "batchNormTraining: epsilon is wrong: -1, expected a number of 0 or more that is finite",
      () => batchNormTraining(x, null, null, { epsilon: -1 }),
    ],
    ["batchNormTraining: not a tensor: null, expected a Tensor", () => batchNormTraining(null as never)],
  ])("%s", (message, call) => expect(call).toThrow(message));
});

import { describe, expect, test } from "vitest";
import { groupNorm, mean, randn, reshape, setSeed, square, tensor, type Tensor } from "nabla";
import { cases, extreme } from "../cases/groupNorm.js";
import { groupNorm as reference, type GroupNormAttributes } from "../reference/groupNorm.js";
import { checkOp, expectClose } from "../support/check-op.js";
import { checkSecondDerivative } from "../support/second-derivative.js";

function run([x, ...rest]: Tensor[], { epsilon, groups, gamma, beta }: GroupNormAttributes): Tensor {
  return groupNorm(x!, groups, gamma ? rest[0] : null, beta ? rest[Number(gamma)] : null, { epsilon });
}

// Sums of up to 2,400 numbers, and a quotient by a deviation that may be 0.03 (the root of epsilon).
const tolerance = { float32: 1e-5, float64: 1e-12 };
checkOp({ op: "groupNorm", cases: [...cases, ...extreme], run, reference, tolerance });

/** The unfused form. */
function composed(x: Tensor, groups: number, gamma: Tensor, beta: Tensor): Tensor {
  const [samples, rows, channels] = x.shape as [number, number, number];
  const axis = [1, 3];
  const grouped = reshape(x, [samples, rows, groups, channels / groups]);
  const distance = grouped.sub(mean(grouped, { axis, keepDims: true }));
  const variance = mean(square(distance), { axis, keepDims: true });
  return reshape(distance.mul(variance.add(1e-3).rsqrt()) as Tensor, x.shape)
    .mul(gamma)
    .add(beta) as Tensor;
}

describe("groupNorm", () => {
  test.each([1, 4, 12])("is its unfused form, %s groups", (groups) => {
    setSeed(1);
    // Several blocks of rows a sample.
    const inputs = [[3, 3001, 12], [12], [12]].map((shape) => randn(shape, { dtype: "float64", requiresGrad: true }));
    const dy = randn([3, 3001, 12], { dtype: "float64" });
    const results = [groupNorm, composed].map((op) => {
      const y = op(inputs[0]!, groups, inputs[1]!, inputs[2]!);
      y.backward(dy);
      const gradients = inputs.map((input) => input.grad!.dataSync());
      for (const input of inputs) input.grad = null;
      return [y.dataSync(), ...gradients];
    });
    results[0]!.forEach((values, i) => expectClose(values, results[1]![i]!, 1e-12, `result ${i}`));
  });

  test("keeps its digits far from 0", () => {
    // The mean's own rounding, 2^-24 * 1e4, is all that may show.
    const x = tensor(
      Float32Array.from({ length: 60_000 }, (_, i) => 1e4 + (i % 7)),
      { shape: [1, 10_000, 6] },
    );
    expectClose(groupNorm(x, 2).dataSync(), groupNorm(x.cast("float64"), 2).dataSync(), 5e-4, "shifted");
  });

  test("second derivatives", () => {
    checkSecondDerivative((x, gamma, beta) => groupNorm(x, 2, gamma, beta), [[2, 2, 4], [4], [4]]);
    checkSecondDerivative((x) => groupNorm(x, 1, null, null, { epsilon: 0.1 }), [[2, 2, 3]]);
    checkSecondDerivative((x, beta) => groupNorm(x, 3, null, beta), [[1, 2, 2, 3], [3]]);
  });

  test("is a method", () => {
    const x = tensor([[1, 3, 5, 9]]);
    expectClose(x.groupNorm(2, null, null, { epsilon: 0 }).dataSync(), [-1, 1, -1, 1], 1e-6, "method");
  });

  const x = tensor([[1, 2, 3, 4]]);
  test.each<[string, () => unknown]>([
    ["groupNorm: the groups do not divide the channels: there are 3 groups and 4 channels", () => groupNorm(x, 3)],
    ["groupNorm: groups is wrong: 0, expected a positive integer", () => groupNorm(x, 0)],
    ["groupNorm: groups is wrong: 1.5, expected a positive integer", () => groupNorm(x, 1.5)],
    [
      "groupNorm: x has no samples or channels: it is [4], expected [samples, ..., channels]",
      () => groupNorm(x.flatten(), 2),
    ],
    ["groupNorm: gamma does not fit: it is [2], expected [4]: x is [1,4]", () => groupNorm(x, 2, tensor([1, 2]))],
    ["groupNorm: beta does not fit: it is [1,4], expected [4]: x is [1,4]", () => groupNorm(x, 2, null, x)],
    [
      "groupNorm: beta's dtype does not fit: it is float64, x is float32",
      () => groupNorm(x, 2, null, x.flatten().cast("float64")),
    ],
    [
      "groupNorm: x is not floating-point: its dtype is uint8, expected float32 or float64",
      () => groupNorm(x.cast("uint8"), 2),
    ],
    [
      "groupNorm: epsilon is wrong: -0.1, expected a number of 0 or more that is finite",
      () => groupNorm(x, 2, null, null, { epsilon: -0.1 }),
    ],
  ])("%s", (message, call) => expect(call).toThrow(message));
});

import { describe, expect, test } from "vitest";
import { tensor, Tensor } from "nabla";
import { readFixtures, toNumbers, type FixtureTensor, type OpCase } from "../fixtures/torch/fixtures.js";
import { expectClose } from "../support/check-op.js";
import { fill, functions } from "../support/fixture-args.js";

function make({ shape, dtype, data }: FixtureTensor): Tensor {
  return tensor(toNumbers(data), { shape, dtype, requiresGrad: dtype === "float32" });
}

// PyTorch's results are exact to float32; ours add the roundings of sums of up to some 100 products around 1.
const TOLERANCE = 1e-5;

function check(testCase: OpCase): void {
  const inputs = testCase.inputs.map(make);
  const result = functions[testCase.op]!(...(fill(testCase.args, inputs) as unknown[]));
  const outputs = result instanceof Tensor ? [result] : Object.values(result);
  expect(outputs.length).toBe(testCase.outputs.length);
  testCase.outputs.forEach(({ shape, data }, i) => {
    expect(outputs[i]!.shape).toEqual(shape);
    expectClose(outputs[i]!.dataSync(), toNumbers(data), TOLERANCE, `output ${i}`);
  });
  testCase.outputs.forEach(({ shape, gradient }, i) => {
    if (gradient) outputs[i]!.backward(tensor(toNumbers(gradient), { shape, dtype: "float32" }), { retainGraph: true });
  });
  testCase.gradients.forEach((gradient, i) => {
    if (gradient === null) return;
    expect(inputs[i]!.grad, `input ${i} has a gradient`).not.toBeNull();
    expectClose(inputs[i]!.grad!.dataSync(), toNumbers(gradient), TOLERANCE, `gradient of input ${i}`);
  });
}

describe("PyTorch's values and gradients", () => {
  const fixtures = readFixtures();
  test("there are fixtures", () => expect(fixtures.size).toBeGreaterThan(10));

  describe.each([...fixtures])("%s", (_, { cases }) => {
    test("has cases", () => expect(cases.length).toBeGreaterThan(0));
    test.each(cases.map((testCase) => [testCase.name, testCase] as const))("%s", (_name, testCase) => check(testCase));
  });
});

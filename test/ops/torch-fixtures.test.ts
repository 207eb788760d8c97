import { describe, expect, test } from "vitest";
import * as nabla from "nabla";
import { tensor, type Tensor } from "nabla";
import { torchOps, type FixtureTensor, type OpCase } from "../fixtures/torch_ops.js";
import { expectClose } from "../support/check-op.js";

type Attributes = Record<string, never>;
type Apply = (inputs: Tensor[], attrs: Attributes) => Tensor;

/** Where nabla's arguments are positional, or are views; other ops are methods that take the attributes as they are. */
const calls: Record<string, Apply> = {
  matmul: ([a, b], { transposeA, transposeB }) =>
    nabla.matmul(transposeA ? a!.transpose() : a!, transposeB ? b!.transpose() : b!),
  conv2d: ([x, kernel, bias], attrs) => nabla.conv2d(x!, kernel!, bias ? { ...attrs, bias } : attrs),
  maxPool2d: ([x], attrs) => nabla.maxPool2d(x!, attrs),
  softmax: ([x], { axis }) => nabla.softmax(x!, axis),
  logSoftmax: ([x], { axis }) => nabla.logSoftmax(x!, axis),
  softmaxCrossEntropy: ([logits, target], attrs) => nabla.softmaxCrossEntropy(logits!, target!, attrs),
  gather: ([x, indices], { axis }) => nabla.gather(x!, indices!, axis),
  scatterAdd: ([x, indices, updates], { axis }) => nabla.scatterAdd(x!, indices!, updates!, axis),
  where: ([condition, a, b]) => nabla.where(condition!, a!, b!),
  clip: ([x], { min = null, max = null }) => nabla.clip(x!, min, max),
  transpose: ([x], { axes }) => nabla.transpose(x!, axes),
  permute: ([x], { axes }) => nabla.permute(x!, axes),
  reshape: ([x], { shape }) => nabla.reshape(x!, shape),
  broadcastTo: ([x], { shape }) => nabla.broadcastTo(x!, shape),
  expandDims: ([x], { axis }) => nabla.expandDims(x!, axis),
  squeeze: ([x], { axis }) => nabla.squeeze(x!, axis),
  slice: ([x], { ranges }) => nabla.slice(x!, ranges),
  cast: ([x], { dtype }) => nabla.cast(x!, dtype),
};

function apply(testCase: OpCase, inputs: Tensor[]): Tensor {
  const attrs = testCase.attrs as Attributes;
  const call = calls[testCase.op];
  if (call) return call(inputs, attrs);
  const [x, ...rest] = inputs;
  const method = x![testCase.op as "add"] as (this: Tensor, ...args: unknown[]) => Tensor;
  return method.call(x!, ...rest, ...(Object.keys(attrs).length > 0 ? [attrs] : []));
}

function make({ shape, dtype, data }: FixtureTensor): Tensor {
  return tensor(data as number[], { shape, dtype, requiresGrad: dtype === "float32" });
}

// PyTorch's results are exact to float32; ours add the roundings of sums of up to some 100 products around 1.
const TOLERANCE = 1e-5;

describe("PyTorch's values and gradients", () => {
  test("there are fixtures", () => expect(torchOps.cases.length).toBeGreaterThan(100));

  test.each(torchOps.cases.map((testCase) => [testCase.name, testCase] as const))("%s", (_, testCase) => {
    const inputs = testCase.inputs.map(make);
    const output = apply(testCase, inputs);
    expect(output.shape).toEqual(testCase.output.shape);
    expectClose(output.dataSync(), testCase.output.data, TOLERANCE, "value");
    output.backward(tensor(testCase.gradOutput, { shape: output.shape }));
    testCase.gradients.forEach((gradient, i) => {
      if (gradient === null) return;
      expect(inputs[i]!.grad, `input ${i} has a gradient`).not.toBeNull();
      expectClose(inputs[i]!.grad!.dataSync(), gradient, TOLERANCE, `gradient of input ${i}`);
    });
  });
});

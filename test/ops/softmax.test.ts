import { expect, test } from "vitest";
import { logSoftmax, mul, softmax, tensor, type Tensor } from "nabla";
import { softmaxGrad } from "../../src/ts/ops/softmax.js";
import { cases, extreme } from "../cases/softmax.js";
import { logSoftmax as logReference, softmax as reference } from "../reference/softmax.js";
import { checkOp } from "../support/check-op.js";

checkOp({ op: "softmax", cases: [...cases, ...extreme], run: ([x], axis) => softmax(x!, axis), reference });

checkOp({
  op: "logSoftmax",
  cases: [...cases, ...extreme],
  run: ([x], axis) => logSoftmax(x!, axis),
  reference: logReference,
});

checkOp({
  op: "softmaxGrad",
  cases: [{ name: "[3,5]", inputs: [{ shape: [3, 5] }, { shape: [3, 5] }], attrs: undefined }],
  run: ([y, dy]) => softmaxGrad(y!, dy!),
  reference: ([y, dy]) => ({
    shape: y!.shape,
    data: y!.data.map((value, i) => {
      const row = Math.floor(i / 5) * 5;
      let sum = 0;
      for (let j = row; j < row + 5; j++) sum += y!.data[j]! * dy!.data[j]!;
      return value * (dy!.data[i]! - sum);
    }),
  }),
});

test.each([softmax, logSoftmax])("the gradient of a gradient", (op) => {
  const values = Float64Array.of(0.3, -0.2, 0.9);
  const weights = tensor(Float64Array.of(1, 2, -1));
  const slope = (x: Tensor): Tensor => {
    mul(op(x), weights).square().sum().backward(undefined, { createGraph: true });
    const first = x.grad!;
    x.grad = null;
    return first.square().sum();
  };
  const x = tensor(values, { requiresGrad: true });
  slope(x).backward();
  const got = x.grad!.dataSync();
  const at = (place: number, shift: number): number =>
    slope(tensor(values.with(place, values[place]! + shift), { requiresGrad: true })).itemSync();
  for (let i = 0; i < 3; i++) expect(got[i]).toBeCloseTo((at(i, 1e-5) - at(i, -1e-5)) / 2e-5, 7);
});

import { test } from "vitest";
import { logSoftmax, softmax } from "nabla";
import { softmaxGrad } from "../../src/ts/ops/softmax.js";
import { cases, extreme } from "../cases/softmax.js";
import { logSoftmax as logReference, softmax as reference } from "../reference/softmax.js";
import { checkOp } from "../support/check-op.js";
import { checkSecondDerivative } from "../support/second-derivative.js";

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

test.each([
  ["softmax", softmax],
  ["logSoftmax", logSoftmax],
])("second derivatives of %s", (_, op) => {
  checkSecondDerivative((x) => op(x), [[2, 5]]);
  checkSecondDerivative((x) => op(x, 0), [[4, 2]]);
});

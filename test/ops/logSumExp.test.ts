import { describe, expect, test } from "vitest";
import { ArgumentError, logSumExp, tensor } from "nabla";
import { cases, large, special } from "../cases/logSumExp.js";
import { logSumExp as reference } from "../reference/logSumExp.js";
import { checkErrors } from "../support/check-errors.js";
import { checkOp } from "../support/check-op.js";
import { checkSecondDerivative } from "../support/second-derivative.js";

checkOp({
  op: "logSumExp",
  cases: [...cases, ...large, ...special],
  run: ([x], options) => logSumExp(x!, options),
  reference,
  dtypes: ["float32", "float64", "int32", "uint8", "bool"],
  outputDType: (dtype) => (dtype === "float64" ? dtype : "float32"),
  tolerance: { int32: 1e-6, uint8: 1e-6, bool: 1e-6 }, // float32's, of exponentials that are off by 1 ulp
});

test("second derivative of logSumExp", () => checkSecondDerivative((x) => logSumExp(x), [[5]]));
test("second derivative of logSumExp over axes", () =>
  checkSecondDerivative((x) => logSumExp(x, { axis: [0, 2] }), [[2, 2, 3]]));

// A row of its own is so long that its parts have different greatest elements.
test("a long row whose parts are far apart", () => {
  const x = new Float32Array(200_000).fill(-Infinity);
  x.fill(-500, 70_000, 70_002);
  x.fill(-1000, 150_000, 150_100);
  expect(logSumExp(tensor(x)).itemSync()).toBeCloseTo(-500 + Math.log(2), 4);
});

describe("gradients", () => {
  test("of -Infinity are 0", () => {
    const x = tensor([[-Infinity, -Infinity], [-Infinity, 3]], { requiresGrad: true }); // prettier-ignore
    logSumExp(x, { axis: 1 }).sum().backward();
    expect(x.grad!.toArraySync()).toEqual([
      [0, 0],
      [0, 1],
    ]);
  });
});

checkErrors({
  logSumExp: [
    [
      () => logSumExp(tensor([1]), { axis: -2 }),
      ArgumentError,
      "logSumExp: axis -2 does not exist: the tensor has 1 dimension",
    ],
    [
      () => logSumExp(tensor([1]), { keepdims: true } as object),
      ArgumentError,
      'logSumExp: unknown option: "keepdims", did you mean "keepDims"?',
    ],
  ],
});

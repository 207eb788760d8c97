import { expect, test } from "vitest";
import { ArgumentError, std, tensor, variance, type DType } from "nabla";
import { cases, large, special } from "../cases/variance.js";
import { std as stdReference, variance as varianceReference } from "../reference/variance.js";
import { checkErrors } from "../support/check-errors.js";
import { checkOp } from "../support/check-op.js";
import { checkSecondDerivative } from "../support/second-derivative.js";

const outputDType = (dtype: DType): DType => (dtype === "float64" ? dtype : "float32");
// The reference's own sums of 70,001 squares in a row are exact to some 1e-12; one rounding of integers' results.
const tolerance = { float64: 1e-12, int32: 1e-6, uint8: 1e-6, bool: 1e-6 };

// The standard deviation has no slope at 0, where rows have one element.
const spread = cases.filter(({ name }) => !name.startsWith("[1]"));
for (const [name, op, reference, list] of [
  ["variance", variance, varianceReference, cases],
  ["std", std, stdReference, spread],
] as const) {
  checkOp({
    op: name,
    cases: [...list, ...large, ...special],
    run: ([x], options) => op(x!, options),
    reference,
    dtypes: ["float32", "float64", "int32", "uint8", "bool"],
    outputDType,
    tolerance,
  });
  test(`second derivative of ${name}`, () => checkSecondDerivative((x) => op(x, { ddof: 1 }), [[2, 3]]));
  test(`second derivative of ${name} over an axis`, () =>
    checkSecondDerivative((x) => op(x, { axis: 0, keepDims: true }), [[4, 2]]));
  checkErrors({
    [name]: [
      [() => op(tensor([1, 2]), { ddof: NaN }), ArgumentError, `${name}: ddof is wrong: NaN, expected a finite number`],
      [() => op(tensor([1]), { axis: 1 }), ArgumentError, `${name}: axis 1 does not exist: the tensor has 1 dimension`],
      [
        () => op(tensor([1]), { ddofs: 1 } as object),
        ArgumentError,
        `${name}: unknown option: "ddofs", did you mean "ddof"?`,
      ],
    ],
  });
}

test("the gradient of std is 0 where it is 0", () => {
  const x = tensor([[2, 2, 2], [1, 2, 3]], { requiresGrad: true }); // prettier-ignore
  std(x, { axis: 1 }).sum().backward();
  expect(Array.from(x.grad!.dataSync().subarray(0, 4))).toEqual([0, 0, 0, expect.closeTo(-1 / Math.sqrt(6), 6)]);
});

test("a mean of 1e6 costs no digits", () => {
  const x = tensor(Float32Array.from({ length: 100_000 }, (_, i) => 1e6 + (i % 3)));
  expect(variance(x).itemSync()).toBeCloseTo(2 / 3, 4);
});

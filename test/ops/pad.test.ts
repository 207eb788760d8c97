import { expect, test } from "vitest";
import { ArgumentError, ShapeError, ones, pad, tensor, zeros } from "nabla";
import { cases } from "../cases/pad.js";
import { pad as reference } from "../reference/pad.js";
import { checkErrors } from "../support/check-errors.js";
import { checkOp } from "../support/check-op.js";
import { checkSecondDerivative } from "../support/second-derivative.js";

checkOp({
  op: "pad",
  cases,
  run: ([x], { widths, ...options }) => pad(x!, widths, options),
  reference,
  dtypes: ["float32", "float64", "int32", "uint8"],
});

test("bool, and values that are no numbers", () => {
  expect(pad(tensor([true]), 1).toArraySync()).toEqual([false, true, false]);
  expect(pad(tensor([false]), 1, { value: 3 }).toArraySync()).toEqual([true, false, true]);
  expect(tensor([1]).pad(1, { value: NaN }).toArraySync()).toEqual([NaN, 1, NaN]);
  expect(pad(tensor([1]), 1, { value: -Infinity }).toArraySync()).toEqual([-Infinity, 1, -Infinity]);
  expect(pad(tensor([1], { dtype: "int32" }), 1, { value: -2.9 }).toArraySync()).toEqual([-2, 1, -2]);
});

test("large tensors, cut among threads", () => {
  const padded = pad(ones([400, 500]), [
    [100, 0],
    [0, 100],
  ]);
  expect(padded.sum().itemSync()).toBe(200_000);
  expect(padded.index([100], [null, 500]).sum().itemSync()).toBe(200_000);
});

test("second derivatives", () => {
  for (const mode of ["constant", "reflect", "symmetric", "edge"] as const) {
    checkSecondDerivative(
      (x) =>
        pad(
          x!,
          [
            [1, 0],
            [2, 4],
          ],
          { mode },
        ),
      [[2, 3]],
    );
  }
});

const m23 = zeros([2, 3]);
const int = tensor([1, 2], { dtype: "uint8" });
const widths = "expected a number of 0 or more or one [before, after] an axis";
checkErrors({
  pad: [
    [() => pad(m23, -1), ArgumentError, `pad: the widths do not fit: -1, the shape is [2,3], ${widths}`],
    [() => pad(m23, [[1, 1]]), ArgumentError, `pad: the widths do not fit: [[1,1]], the shape is [2,3], ${widths}`],
    [
      () =>
        pad(m23, [
          [1, 1],
          [0.5, 1],
        ]),
      ArgumentError,
      `pad: the widths do not fit: [[1,1],[0.5,1]], the shape is [2,3], ${widths}`,
    ],
    [
      () => pad(m23, 1, { mode: "mirror" as never }),
      ArgumentError,
      'pad: unknown mode: "mirror", expected one of constant, reflect, symmetric, edge',
    ],
    [() => pad(m23, 1, { values: 1 } as never), ArgumentError, 'pad: unknown option: "values", did you mean "value"?'],
    [() => pad(m23, 1, { value: "1" as never }), ArgumentError, 'pad: value is not a number: "1", expected a number'],
    [
      () => pad(int, 1, { value: 256 }),
      ArgumentError,
      "pad: uint8 cannot hold a value: the value is 256, expected 0 to 255",
    ],
    [
      () => pad(m23, 1, { mode: "edge", value: 0 }),
      ArgumentError,
      'pad: mode "edge" takes no value: 0, expected mode "constant" or no value',
    ],
    [
      () => pad(zeros([2, 0]), 1, { mode: "reflect" }),
      ShapeError,
      'pad: mode "reflect" needs an element along axis 1: the shape is [2,0]',
    ],
    [
      () => pad(m23, 2 ** 30),
      ShapeError,
      "pad: too many elements: the shape is [2147483650,2147483651], at most 2147483647 are possible in a tensor",
    ],
  ],
});

import { expect, test } from "vitest";
import { ArgumentError, flip, roll, tensor, zeros, type Tensor } from "nabla";
import { cases, type FlipAttributes } from "../cases/flip.js";
import { flip as reference } from "../reference/flip.js";
import { checkErrors } from "../support/check-errors.js";
import { checkOp } from "../support/check-op.js";
import { checkSecondDerivative } from "../support/second-derivative.js";

const run = ([x]: Tensor[], { op, shift, axis }: FlipAttributes): Tensor =>
  op === "flip" ? flip(x!, axis) : roll(x!, shift!, axis);

for (const op of ["flip", "roll"] as const) {
  checkOp({
    op,
    cases: cases.filter(({ attrs }) => attrs.op === op),
    run,
    reference,
    dtypes: ["float32", "float64", "int32", "uint8", "bool"],
  });
}

test("null is all axes", () => {
  const x = tensor([
    [1, 2],
    [3, 4],
  ]);
  expect(x.flip(null).toArraySync()).toEqual([
    [4, 3],
    [2, 1],
  ]);
  expect(x.roll(1, null).toArraySync()).toEqual([
    [4, 1],
    [2, 3],
  ]);
});

test("second derivatives", () => {
  checkSecondDerivative((x) => flip(x, 1).mul(x), [[2, 3]]);
  checkSecondDerivative((x) => roll(x, [1, -1], [0, 1]).mul(x), [[2, 3]]);
  checkSecondDerivative((x) => roll(x, 2).mul(x), [[2, 3]]);
});

const m23 = zeros([2, 3]);
checkErrors({
  flip: [
    [() => flip(m23, 2), ArgumentError, "flip: axis 2 does not exist: the tensor has 2 dimensions"],
    [() => flip(m23, [0, -2]), ArgumentError, "flip: axis 0 is named twice"],
  ],
  roll: [
    [() => roll(m23, 1, 2), ArgumentError, "roll: axis 2 does not exist: the tensor has 2 dimensions"],
    [() => roll(m23, 0.5), ArgumentError, "roll: the shift does not fit: 0.5, expected an integer"],
    [() => roll(m23, [1, 2]), ArgumentError, "roll: the shift does not fit: [1,2], expected an integer"],
    [
      () => roll(m23, [1, 2], 0),
      ArgumentError,
      "roll: the shift does not fit: [1,2], expected an integer, or a list of 1 for the axes",
    ],
  ],
});

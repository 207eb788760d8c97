import { expect, test } from "vitest";
import { ArgumentError, ShapeError, repeat, tile, zeros, type Tensor } from "nabla";
import { cases, type TileAttributes } from "../cases/tile.js";
import { tile as reference } from "../reference/tile.js";
import { checkErrors } from "../support/check-errors.js";
import { checkOp } from "../support/check-op.js";
import { checkSecondDerivative } from "../support/second-derivative.js";

const run = ([x]: Tensor[], { op, count, axis }: TileAttributes): Tensor =>
  op === "tile" ? tile(x!, count) : repeat(x!, count, axis);

for (const op of ["tile", "repeat"] as const) {
  checkOp({
    op,
    cases: cases.filter(({ attrs }) => attrs.op === op),
    run,
    reference,
    dtypes: ["float32", "float64", "int32", "uint8", "bool"],
  });
}

test("as methods", () => {
  expect(zeros([2]).tile([2, 1]).shape).toEqual([2, 2]);
  expect(zeros([2]).repeat(3).shape).toEqual([6]);
});

test("second derivatives", () => {
  checkSecondDerivative((x) => tile(x, [2, 1, 3]), [[2, 3]]);
  checkSecondDerivative((x) => tile(x, [2, 2, 2, 2]), [[1, 2, 1, 2]]);
  checkSecondDerivative((x) => repeat(x, 2, 1), [[2, 3]]);
  checkSecondDerivative((x) => repeat(x, [2, 0, 3], 1), [[2, 3]]);
});

const m23 = zeros([2, 3]);
const range = "expected an integer of 0 or more, or a list of them";
checkErrors({
  tile: [
    [() => tile(m23, -1), ArgumentError, `tile: reps is out of range: -1, ${range}`],
    [() => tile(m23, [1, 0.5]), ArgumentError, `tile: reps is out of range: [1,0.5], ${range}`],
    [
      () => tile(m23, [1, 1, 1, 1, 1, 1, 1, 2, 2]),
      ShapeError,
      "tile: too many dimensions: the shape is [1,1,1,1,1,1,1,4,6], at most 8 are possible",
    ],
    [
      () => tile(m23, 2 ** 30),
      ShapeError,
      "tile: too many elements: the shape is [2,3221225472], at most 2147483647 are possible in a tensor",
    ],
  ],
  repeat: [
    [() => repeat(m23, -1), ArgumentError, `repeat: count is out of range: -1, ${range}`],
    [() => repeat(m23, 2, 2), ArgumentError, "repeat: axis 2 does not exist: the tensor has 2 dimensions"],
    [
      () => repeat(m23, [1, 2], 1),
      ShapeError,
      "repeat: the counts do not fit: there are 2, the shape is [2,3], expected 3 for axis 1",
    ],
    [
      () => repeat(m23, [1, 2]),
      ShapeError,
      "repeat: the counts do not fit: there are 2, the shape is [6], expected 6 for axis 0",
    ],
  ],
});

import { expect, test } from "vitest";
import { ArgumentError, DTypeError, ShapeError, globalAvgPool2d, zeros } from "nabla";
import { cases } from "../cases/globalAvgPool2d.js";
import { globalAvgPool2d as reference } from "../reference/globalAvgPool2d.js";
import { checkErrors } from "../support/check-errors.js";
import { checkOp, type OpCheck } from "../support/check-op.js";
import { checkSecondDerivatives } from "../support/second-derivative.js";

const run: OpCheck<(typeof cases)[number]["attrs"]>["run"] = ([x], attrs) => globalAvgPool2d(x!, attrs);

checkOp({ op: "globalAvgPool2d", cases, run, reference });
checkSecondDerivatives({ op: "globalAvgPool2d", cases: cases.filter(({ inputs }) => inputs[0]!.shape[0] !== 0), run });

test("NaN of an image without pixels", () => {
  expect(zeros([1, 0, 2, 1]).globalAvgPool2d().toArraySync()).toEqual([[NaN]]);
});

const image = zeros([1, 4, 4, 2]);

checkErrors({
  "globalAvgPool2d, wrong": [
    [
      () => globalAvgPool2d(zeros([2, 3])),
      ShapeError,
      "globalAvgPool2d: x does not have 4 dimensions: its shape is [2,3]",
    ],
    [
      () => globalAvgPool2d(image.cast("int32")),
      DTypeError,
      "globalAvgPool2d: x is not floating-point: its dtype is int32, expected float32 or float64",
    ],
    [
      () => globalAvgPool2d(image, { keepDims: 1 as never }),
      ArgumentError,
      "globalAvgPool2d: keepDims is wrong: 1, expected true or false",
    ],
    [
      () => globalAvgPool2d(image, { dataFormat: "NHWC" as never }),
      ArgumentError,
      'globalAvgPool2d: unknown dataFormat: "NHWC", expected one of channelsLast, channelsFirst',
    ],
    [
      () => globalAvgPool2d(image, { keepDim: true } as never),
      ArgumentError,
      'globalAvgPool2d: unknown option: "keepDim", did you mean "keepDims"?',
    ],
  ],
});

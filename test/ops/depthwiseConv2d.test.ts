import { ArgumentError, DTypeError, ShapeError, depthwiseConv2d, zeros } from "nabla";
import { cases } from "../cases/depthwiseConv2d.js";
import { depthwiseConv2d as reference } from "../reference/depthwiseConv2d.js";
import { checkErrors } from "../support/check-errors.js";
import { checkOp, type OpCheck } from "../support/check-op.js";
import { checkSecondDerivatives } from "../support/second-derivative.js";

const run: OpCheck<(typeof cases)[number]["attrs"]>["run"] = ([x, kernel, bias], attrs) =>
  depthwiseConv2d(x!, kernel!, bias ? { ...attrs, bias } : attrs);

checkOp({ op: "depthwiseConv2d", cases, run, reference });
checkSecondDerivatives({ op: "depthwiseConv2d", cases: cases.filter(({ inputs }) => inputs[0]!.shape[0] !== 0), run });

const wrong = (value: unknown): never => value as never;
const image = zeros([1, 4, 4, 2]);
const kernel = zeros([3, 3, 2, 5]);

checkErrors({
  "depthwiseConv2d, wrong": [
    [
      () => depthwiseConv2d(zeros([4, 4, 2]), kernel),
      ShapeError,
      "depthwiseConv2d: x does not have 4 dimensions: its shape is [4,4,2]",
    ],
    [
      () => depthwiseConv2d(image, zeros([3, 3, 2])),
      ShapeError,
      "depthwiseConv2d: the kernel does not have 4 dimensions: its shape is [3,3,2]",
    ],
    [
      () => depthwiseConv2d(image.cast("bool"), kernel),
      DTypeError,
      "depthwiseConv2d: x is not floating-point: its dtype is bool, expected float32 or float64",
    ],
    [
      () => depthwiseConv2d(image, zeros([3, 3, 0, 1])),
      ShapeError,
      "depthwiseConv2d: the kernel is empty: its shape is [3,3,0,1]",
    ],
    [
      () => depthwiseConv2d(zeros([1, 4, 4, 3]), kernel),
      ShapeError,
      "depthwiseConv2d: the channels do not fit: x is [1,4,4,3] (channelsLast), the kernel is [3,3,2,5]",
    ],
    [
      () => depthwiseConv2d(image, kernel, { dataFormat: "channelsFirst" }),
      ShapeError,
      "depthwiseConv2d: the channels do not fit: x is [1,4,4,2] (channelsFirst), the kernel is [3,3,2,5]",
    ],
    [
      () => depthwiseConv2d(image, kernel, { bias: zeros([5]) }),
      ShapeError,
      "depthwiseConv2d: the bias does not fit: it is [5], expected [10]",
    ],
    [
      () => depthwiseConv2d(image, kernel, { dilationRate: [1, 2] }),
      ShapeError,
      "depthwiseConv2d: the window is larger than the image: a window of [3,5] on an image of [4,4], padding [[0,0],[0,0]]",
    ],
    [
      () => depthwiseConv2d(image, kernel, { strides: [1, -1] }),
      ArgumentError,
      "depthwiseConv2d: strides is out of range: [1,-1], expected a positive integer or two: [height, width]",
    ],
    [
      () => depthwiseConv2d(image, kernel, { padding: wrong("causal") }),
      ArgumentError,
      'depthwiseConv2d: unknown padding: "causal", expected "valid", "same", a number or [[top, bottom], [left, right]]',
    ],
    [
      () => depthwiseConv2d(image, kernel, wrong({ groups: 2 })),
      ArgumentError,
      'depthwiseConv2d: unknown option: "groups", expected one of bias, strides, padding, dilationRate, dataFormat, activation',
    ],
  ],
});

import { expect, test } from "vitest";
import { ArgumentError, DTypeError, ShapeError, conv2d, convTranspose2d, randn, zeros } from "nabla";
import { cases } from "../cases/convTranspose2d.js";
import { convTranspose2d as reference } from "../reference/convTranspose2d.js";
import { checkErrors } from "../support/check-errors.js";
import { checkOp, expectClose, type OpCheck } from "../support/check-op.js";
import { checkSecondDerivatives } from "../support/second-derivative.js";

const run: OpCheck<(typeof cases)[number]["attrs"]>["run"] = ([x, kernel, bias], attrs) =>
  convTranspose2d(x!, kernel!, bias ? { ...attrs, bias } : attrs);

checkOp({
  op: "convTranspose2d",
  cases,
  run,
  reference,
  tolerance: { float32: 5e-6, float64: 1e-12 }, // sums of up to 68 products around 1
});
checkSecondDerivatives({ op: "convTranspose2d", cases: cases.filter(({ inputs }) => inputs[0]!.shape[0] !== 0), run });

test.each([
  [
    [9, 8],
    [3, 2],
  ],
  [
    [5, 6],
    [1, 2],
  ],
] as const)('the gradient of conv2d "same" by an image of %j with strides %j', ([height, width], strides) => {
  const kernel = randn([3, 4, 2, 3], { dtype: "float64" });
  const image = randn([1, height, width, 2], { dtype: "float64", requiresGrad: true });
  const y = conv2d(image, kernel, { strides, padding: "same" });
  const g = randn(y.shape, { dtype: "float64" });
  y.backward(g);
  const back = convTranspose2d(g, kernel, { strides, padding: "same" });
  expect(back.shape).toEqual(image.shape);
  expectClose(back.dataSync(), image.grad!.dataSync(), 1e-12, "gradient");
});

test("the kernel does not reach pixels between large strides", () => {
  const y = convTranspose2d(zeros([1, 2, 2, 1]).add(1), zeros([1, 1, 1, 1]).add(3), { strides: 2 });
  expect(y.reshape([4, 4]).toArraySync()).toEqual([
    [3, 0, 3, 0],
    [0, 0, 0, 0],
    [3, 0, 3, 0],
    [0, 0, 0, 0],
  ]);
});

const wrong = (value: unknown): never => value as never;
const image = zeros([1, 4, 4, 5]);
const kernel = zeros([3, 3, 2, 5]);

checkErrors({
  "convTranspose2d, wrong": [
    [
      () => convTranspose2d(zeros([4, 4, 5]), kernel),
      ShapeError,
      "convTranspose2d: x does not have 4 dimensions: its shape is [4,4,5]",
    ],
    [
      () => convTranspose2d(image, zeros([3])),
      ShapeError,
      "convTranspose2d: the kernel does not have 4 dimensions: its shape is [3]",
    ],
    [
      () => convTranspose2d(image, kernel.cast("int32")),
      DTypeError,
      "convTranspose2d: the kernel is not floating-point: its dtype is int32, expected float32 or float64",
    ],
    [
      () => convTranspose2d(image, zeros([3, 3, 5, 2])),
      ShapeError,
      "convTranspose2d: the channels do not fit: x is [1,4,4,5] (channelsLast), the kernel is [3,3,5,2]",
    ],
    [
      () => convTranspose2d(image, zeros([3, 0, 2, 5])),
      ShapeError,
      "convTranspose2d: the kernel is empty: its shape is [3,0,2,5]",
    ],
    [
      () => convTranspose2d(image, kernel, { bias: zeros([5]) }),
      ShapeError,
      "convTranspose2d: the bias does not fit: it is [5], expected [2]",
    ],
    [
      () => convTranspose2d(zeros([1, 1, 1, 5]), kernel, { padding: 2 }),
      ShapeError,
      "convTranspose2d: nothing is left of the result: its size would be [-1,-1], the image is [1,1], the window [3,3], padding 2",
    ],
    [
      () => convTranspose2d(zeros([1, 1, 2, 5]), zeros([2, 2, 2, 5]), { padding: "same", outputPadding: 0 }),
      ShapeError,
      'convTranspose2d: nothing is left of the result: its size would be [0,1], the image is [1,2], the window [2,2], padding "same"',
    ],
    [
      () => convTranspose2d(zeros([1, 0, 2, 5]), kernel, { strides: 3 }),
      ShapeError,
      'convTranspose2d: nothing is left of the result: its size would be [0,6], the image is [0,2], the window [3,3], padding "valid"',
    ],
    [
      () => convTranspose2d(zeros([1, 40, 40, 5]), kernel, { strides: 2000 }),
      ShapeError,
      "convTranspose2d: too many elements: the shape is [1,80000,80000,2], at most 2147483647 are possible in a tensor",
    ],
    [
      () => convTranspose2d(image, kernel, { outputPadding: 1 }),
      ArgumentError,
      "convTranspose2d: outputPadding is out of range: 1, expected integers of 0 or more below the strides [1,1]",
    ],
    [
      () => convTranspose2d(image, kernel, { strides: [2, 3], outputPadding: [-1, 2] }),
      ArgumentError,
      "convTranspose2d: outputPadding is out of range: [-1,2], expected integers of 0 or more below the strides [2,3]",
    ],
    [
      () => convTranspose2d(image, kernel, { strides: 1.5 }),
      ArgumentError,
      "convTranspose2d: strides is out of range: 1.5, expected a positive integer or two: [height, width]",
    ],
    [
      () => convTranspose2d(image, kernel, { dataFormat: wrong("NCHW") }),
      ArgumentError,
      'convTranspose2d: unknown dataFormat: "NCHW", expected one of channelsLast, channelsFirst',
    ],
    [
      () => convTranspose2d(image, kernel, wrong({ groups: 2 })),
      ArgumentError,
      'convTranspose2d: unknown option: "groups", expected one of bias, strides, padding, outputPadding, dilationRate, dataFormat',
    ],
  ],
});

import { expect, test } from "vitest";
import { ArgumentError, DTypeError, ShapeError, avgPool2d, randn, tensor, zeros } from "nabla";
import { cases, large, special } from "../cases/avgPool2d.js";
import { avgPool2d as reference } from "../reference/avgPool2d.js";
import { checkErrors } from "../support/check-errors.js";
import { checkOp, type OpCheck } from "../support/check-op.js";
import { checkSecondDerivatives } from "../support/second-derivative.js";

const run: OpCheck<(typeof cases)[number]["attrs"]>["run"] = ([x], attrs) => avgPool2d(x!, attrs);

checkOp({ op: "avgPool2d", cases: [...cases, ...large, special], run, reference });
checkSecondDerivatives({ op: "avgPool2d", cases: cases.filter(({ inputs }) => inputs[0]!.shape[0] !== 0), run });

test("padding does not count", () => {
  const y = avgPool2d(tensor([1, 2, 3], { shape: [1, 1, 3, 1] }), { poolSize: [1, 2], padding: "same" });
  expect(y.flatten().toArraySync()).toEqual([1.5, 3]);
});

test("a result that goes past the caches is that of each image alone", () => {
  const x = randn([9, 128, 128, 64]);
  const y = avgPool2d(x);
  for (const i of [0, 4, 8]) {
    const alone = avgPool2d(x.slice([[i, i + 1]]));
    expect(y.slice([[i, i + 1]]).dataSync()).toEqual(alone.dataSync());
  }
});

test("windows of 2 by default", () => {
  expect(avgPool2d(zeros([1, 5, 5, 1])).shape).toEqual([1, 2, 2, 1]);
  expect(zeros([1, 5, 5, 1]).avgPool2d({ poolSize: 3 }).shape).toEqual([1, 1, 1, 1]);
});

test("pixels without a window have no gradient", () => {
  const x = zeros([1, 5, 4, 1], { dtype: "float32" });
  x.requiresGrad = true;
  avgPool2d(x, { poolSize: [1, 1], strides: [2, 3] })
    .sum()
    .backward();
  expect(x.grad!.reshape([5, 4]).toArraySync()).toEqual([
    [1, 0, 0, 1],
    [0, 0, 0, 0],
    [1, 0, 0, 1],
    [0, 0, 0, 0],
    [1, 0, 0, 1],
  ]);
});

const image = zeros([1, 4, 4, 2]);

checkErrors({
  "avgPool2d, wrong": [
    [() => avgPool2d(zeros([2, 3])), ShapeError, "avgPool2d: x does not have 4 dimensions: its shape is [2,3]"],
    [
      () => avgPool2d(image.cast("uint8")),
      DTypeError,
      "avgPool2d: x is not floating-point: its dtype is uint8, expected float32 or float64",
    ],
    [
      () => avgPool2d(image, { poolSize: 5 }),
      ShapeError,
      "avgPool2d: the window is larger than the image: a window of [5,5] on an image of [4,4], padding [[0,0],[0,0]]",
    ],
    [
      () => avgPool2d(zeros([1, 2, 4, 4]), { poolSize: 5, dataFormat: "channelsFirst" }),
      ShapeError,
      "avgPool2d: the window is larger than the image: a window of [5,5] on an image of [4,4], padding [[0,0],[0,0]]",
    ],
    [
      () => avgPool2d(image, { poolSize: 2, padding: 2 }),
      ShapeError,
      "avgPool2d: a window lies in the padding alone: the window is [2,2], the padding [[2,2],[2,2]]",
    ],
    [
      () => avgPool2d(image, { poolSize: 0 }),
      ArgumentError,
      "avgPool2d: poolSize is out of range: 0, expected a positive integer or two: [height, width]",
    ],
    [
      () => avgPool2d(image, { strides: [1, 2, 3] as never }),
      ArgumentError,
      "avgPool2d: strides is out of range: [1,2,3], expected a positive integer or two: [height, width]",
    ],
    [
      () => avgPool2d(image, { padding: "full" as never }),
      ArgumentError,
      'avgPool2d: unknown padding: "full", expected "valid", "same", a number or [[top, bottom], [left, right]]',
    ],
    [
      () => avgPool2d(image, { size: 2 } as never),
      ArgumentError,
      'avgPool2d: unknown option: "size", expected one of poolSize, strides, padding, dataFormat',
    ],
    [
      () => avgPool2d(image, null as never),
      ArgumentError,
      "avgPool2d: the options are not an object: null, expected { poolSize, strides, padding, dataFormat }",
    ],
  ],
});

import { expect, test } from "vitest";
import { ArgumentError, ShapeError, resize2d, tensor, zeros, type Tensor } from "nabla";
import { bilinear, large, nearest, special, type ResizeAttributes } from "../cases/resize2d.js";
import { resize2d as reference } from "../reference/resize2d.js";
import { checkErrors } from "../support/check-errors.js";
import { checkOp } from "../support/check-op.js";
import { checkSecondDerivatives } from "../support/second-derivative.js";

const run = ([x]: Tensor[], { size, ...options }: ResizeAttributes): Tensor => resize2d(x!, size, options);

checkOp({ op: "resize2d nearest", cases: nearest, run, reference });
checkOp({
  op: "resize2d nearest, without gradient",
  cases: nearest,
  run,
  reference,
  dtypes: ["int32", "uint8", "bool"],
  gradient: "none",
});
checkOp({ op: "resize2d bilinear", cases: [...bilinear, ...large, ...special], run, reference });
checkOp({
  op: "resize2d bilinear of integers",
  cases: bilinear,
  run,
  reference,
  dtypes: ["int32", "uint8", "bool"],
  outputDType: () => "float32",
  tolerance: { int32: 2e-6, uint8: 2e-6, bool: 2e-6 }, // the result is float32: some roundings
  gradient: "none",
});
checkSecondDerivatives({
  op: "resize2d",
  cases: [...nearest, ...bilinear].filter(({ inputs }) => !inputs[0]!.shape.includes(0)),
  run,
});

test("of two pixels at the same distance nearest takes the later one", () => {
  const x = tensor([1, 2, 3, 4], { shape: [1, 1, 4, 1] });
  expect(resize2d(x, [1, 2], { method: "nearest" }).flatten().toArraySync()).toEqual([2, 4]);
  expect(x.resize2d([2, 8], { method: "nearest" }).flatten().toArraySync()).toEqual([
    1, 1, 2, 2, 3, 3, 4, 4, 1, 1, 2, 2, 3, 3, 4, 4,
  ]);
});

test("the edges coincide, or the corners", () => {
  const x = tensor([0, 4], { shape: [1, 1, 2, 1] });
  expect(resize2d(x, [1, 4]).flatten().toArraySync()).toEqual([0, 1, 3, 4]);
  expect(resize2d(x, [1, 5], { alignCorners: true }).flatten().toArraySync()).toEqual([0, 1, 2, 3, 4]);
  expect(resize2d(x, [1, 1], { alignCorners: true }).flatten().toArraySync()).toEqual([0]);
});

const image = zeros([1, 4, 4, 2]);
const wrong = (value: unknown): never => value as never;

checkErrors({
  "resize2d, wrong": [
    [() => resize2d(zeros([4, 4]), [2, 2]), ShapeError, "resize2d: x does not have 4 dimensions: its shape is [4,4]"],
    [
      () => resize2d(zeros([1, 0, 4, 2]), [2, 2]),
      ShapeError,
      "resize2d: the image has no pixels: its shape is [1,0,4,2] (channelsLast)",
    ],
    [
      () => resize2d(zeros([1, 2, 0, 4]), [2, 2], { dataFormat: "channelsFirst" }),
      ShapeError,
      "resize2d: the image has no pixels: its shape is [1,2,0,4] (channelsFirst)",
    ],
    [
      () => resize2d(image, [0, 2]),
      ArgumentError,
      "resize2d: the size is out of range: [0,2], expected two positive integers: [height, width]",
    ],
    [
      () => resize2d(image, wrong(2)),
      ArgumentError,
      "resize2d: the size is out of range: 2, expected two positive integers: [height, width]",
    ],
    [
      () => resize2d(image, wrong([2, 2.5])),
      ArgumentError,
      "resize2d: the size is out of range: [2,2.5], expected two positive integers: [height, width]",
    ],
    [
      () => resize2d(image, [100000, 100000]),
      ShapeError,
      "resize2d: too many elements: the shape is [1,100000,100000,2], at most 2147483647 are possible in a tensor",
    ],
    [
      () => resize2d(image, [2, 2], { method: wrong("bicubic") }),
      ArgumentError,
      'resize2d: unknown method: "bicubic", expected one of nearest, bilinear',
    ],
    [
      () => resize2d(image, [2, 2], { alignCorners: wrong("yes") }),
      ArgumentError,
      'resize2d: alignCorners is wrong: "yes", expected true or false',
    ],
    [
      () => resize2d(image, [2, 2], { method: "nearest", alignCorners: true }),
      ArgumentError,
      'resize2d: alignCorners is true: the method is "nearest", expected "bilinear"',
    ],
    [
      () => resize2d(image, [2, 2], wrong({ antialias: true })),
      ArgumentError,
      'resize2d: unknown option: "antialias", expected one of method, alignCorners, dataFormat',
    ],
    [() => resize2d(wrong(3), [2, 2]), ArgumentError, "resize2d: not a tensor: 3, expected a Tensor"],
  ],
});

import { expect, test } from "vitest";
import { ArgumentError, DTypeError, ShapeError, conv1d, tensor, zeros } from "nabla";
import { cases } from "../cases/conv1d.js";
import { conv1d as reference } from "../reference/conv1d.js";
import { checkErrors } from "../support/check-errors.js";
import { checkOp, type OpCheck } from "../support/check-op.js";
import { checkSecondDerivatives } from "../support/second-derivative.js";

const run: OpCheck<(typeof cases)[number]["attrs"]>["run"] = ([x, kernel, bias], attrs) =>
  conv1d(x!, kernel!, bias ? { ...attrs, bias } : attrs);

checkOp({
  op: "conv1d",
  cases,
  run,
  reference,
  tolerance: { float32: 1e-5, float64: 1e-12 }, // sums of up to 85 products around 1
});
checkSecondDerivatives({ op: "conv1d", cases: cases.filter(({ inputs }) => inputs[0]!.shape[0] !== 0), run });

test("causal: a step does not see later ones", () => {
  const x = tensor([1, 2, 3], { shape: [1, 3, 1], requiresGrad: true });
  const y = conv1d(x, tensor([10, 1], { shape: [2, 1, 1] }), { padding: "causal" });
  expect(y.flatten().toArraySync()).toEqual([1, 12, 23]);
  y.slice([null, [0, 2]])
    .sum()
    .backward();
  expect(x.grad!.flatten().toArraySync()).toEqual([11, 1, 0]);
});

test("the wider dtype", () => {
  const kernel = zeros([2, 1, 1], { dtype: "float64" });
  expect(conv1d(zeros([1, 3, 1]), kernel).dtype).toBe("float64");
  expect(zeros([1, 3, 1]).conv1d(kernel).shape).toEqual([1, 2, 1]);
});

const wrong = (value: unknown): never => value as never;
const x = zeros([1, 4, 2]);
const kernel = zeros([3, 2, 5]);

checkErrors({
  "conv1d, wrong": [
    [() => conv1d(zeros([4, 2]), kernel), ShapeError, "conv1d: x does not have 3 dimensions: its shape is [4,2]"],
    [() => conv1d(x, zeros([3, 2])), ShapeError, "conv1d: the kernel does not have 3 dimensions: its shape is [3,2]"],
    [() => conv1d(wrong(1), kernel), ArgumentError, "conv1d: not a tensor: 1, expected a Tensor"],
    [
      () => conv1d(x, kernel.cast("int32")),
      DTypeError,
      "conv1d: the kernel is not floating-point: its dtype is int32, expected float32 or float64",
    ],
    [() => conv1d(x, zeros([0, 2, 5])), ShapeError, "conv1d: the kernel is empty: its shape is [0,2,5]"],
    [
      () => conv1d(zeros([1, 4, 3]), kernel),
      ShapeError,
      "conv1d: the channels do not fit: x is [1,4,3] (channelsLast), the kernel is [3,2,5], groups is 1",
    ],
    [
      () => conv1d(zeros([1, 4, 4]), kernel, { groups: 2 }),
      ShapeError,
      "conv1d: the channels do not fit: x is [1,4,4] (channelsLast), the kernel is [3,2,5], groups is 2",
    ],
    [
      () => conv1d(zeros([1, 1, 2]), kernel, { dataFormat: "channelsFirst" }),
      ShapeError,
      "conv1d: the channels do not fit: x is [1,1,2] (channelsFirst), the kernel is [3,2,5], groups is 1",
    ],
    [
      () => conv1d(x, kernel, { dilationRate: 2 }),
      ShapeError,
      "conv1d: the window is longer than the sequence: a window of 5 steps on a sequence of 4, padding [0,0]",
    ],
    [
      () => conv1d(zeros([1, 2, 2]), kernel, { dataFormat: "channelsFirst" }),
      ShapeError,
      "conv1d: the window is longer than the sequence: a window of 3 steps on a sequence of 2, padding [0,0]",
    ],
    [
      () => conv1d(x, kernel, { bias: zeros([4]) }),
      ShapeError,
      "conv1d: the bias does not fit: it is [4], expected [5]",
    ],
    [
      () => conv1d(x, kernel, { strides: wrong([1]) }),
      ArgumentError,
      "conv1d: strides is out of range: [1], expected an integer of at least 1",
    ],
    [
      () => conv1d(x, kernel, { dilationRate: 0 }),
      ArgumentError,
      "conv1d: dilationRate is out of range: 0, expected an integer of at least 1",
    ],
    [
      () => conv1d(x, kernel, { groups: -1 }),
      ArgumentError,
      "conv1d: groups is out of range: -1, expected an integer of at least 1",
    ],
    [
      () => conv1d(x, kernel, { padding: wrong([1, 2, 3]) }),
      ArgumentError,
      'conv1d: unknown padding: [1,2,3], expected "valid", "same", "causal", a number or [before, after]',
    ],
    [
      () => conv1d(x, kernel, { padding: -1 }),
      ArgumentError,
      'conv1d: unknown padding: -1, expected "valid", "same", "causal", a number or [before, after]',
    ],
    [
      () => conv1d(x, kernel, { dataFormat: wrong("NLC") }),
      ArgumentError,
      'conv1d: unknown dataFormat: "NLC", expected one of channelsLast, channelsFirst',
    ],
    [
      () => conv1d(x, kernel, { activation: wrong("gelu") }),
      ArgumentError,
      'conv1d: unknown activation: "gelu", did you mean "relu"?',
    ],
    [
      () => conv1d(x, kernel, wrong({ stride: 2 })),
      ArgumentError,
      'conv1d: unknown option: "stride", did you mean "strides"?',
    ],
  ],
});

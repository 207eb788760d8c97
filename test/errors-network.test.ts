// The messages of matrix products, convolution, pooling and losses that a user can cause.
import {
  ArgumentError,
  DTypeError,
  ShapeError,
  conv2d,
  dropout,
  matmul,
  maxPool2d,
  softmaxCrossEntropy,
  tensor,
  zeros,
} from "nabla";
import { checkErrors } from "./support/check-errors.js";

const wrong = (value: unknown): never => value as never;
const int = tensor([1, 2], { dtype: "int32" });
const m23 = zeros([2, 3]);
const m45 = zeros([4, 5]);
const image = zeros([1, 4, 4, 2]);
const kernel = zeros([3, 3, 2, 5]);

checkErrors({
  matmul: [
    [() => matmul(m23, m45), ShapeError, "matmul: inner dimensions differ: a is [2,3], b is [4,5]"],
    [() => matmul(m23, zeros([4])), ShapeError, "matmul: inner dimensions differ: a is [2,3], b is [4]"],
    [
      () => matmul(zeros([2, 2, 3]), zeros([4, 3, 2])),
      ShapeError,
      "matmul: batch dimensions do not broadcast: a is [2,2,3], b is [4,3,2]",
    ],
    [
      () => matmul(tensor(1), m23),
      ShapeError,
      "matmul: a has no dimension: its shape is [], expected a vector or matrices",
    ],
    [
      () => matmul(int, int),
      DTypeError,
      "matmul: a is not floating-point: its dtype is int32, expected float32 or float64",
    ],
    [
      () => matmul(m23, zeros([3, 2]), { bias: zeros([3]) }),
      ShapeError,
      "matmul: the bias does not fit: it is [3], expected [2]",
    ],
    [() => matmul(m23, zeros([3, 2]), { bias: wrong(1) }), ArgumentError, "matmul: not a tensor: 1, expected a Tensor"],
    [
      () => matmul(m23, zeros([3, 2]), { activation: wrong("gelo") }),
      ArgumentError,
      'matmul: unknown activation: "gelo", did you mean "gelu"?',
    ],
    [
      () => matmul(m23, zeros([3, 2]), wrong({ transposeA: true })),
      ArgumentError,
      'matmul: unknown option: "transposeA", expected one of bias, activation, residual',
    ],
  ],
  conv2d: [
    [() => conv2d(m23, kernel), ShapeError, "conv2d: x does not have 4 dimensions: its shape is [2,3]"],
    [() => conv2d(image, m23), ShapeError, "conv2d: the kernel does not have 4 dimensions: its shape is [2,3]"],
    [
      () => conv2d(image.cast("int32"), kernel),
      DTypeError,
      "conv2d: x is not floating-point: its dtype is int32, expected float32 or float64",
    ],
    [
      () => conv2d(zeros([1, 4, 4, 3]), kernel),
      ShapeError,
      "conv2d: the channels do not fit: x is [1,4,4,3] (channelsLast), the kernel is [3,3,2,5], groups is 1",
    ],
    [
      () => conv2d(image, kernel, { groups: 2 }),
      ShapeError,
      "conv2d: the channels do not fit: x is [1,4,4,2] (channelsLast), the kernel is [3,3,2,5], groups is 2",
    ],
    [
      () => conv2d(image, kernel, { dataFormat: "channelsFirst" }),
      ShapeError,
      "conv2d: the channels do not fit: x is [1,4,4,2] (channelsFirst), the kernel is [3,3,2,5], groups is 1",
    ],
    [
      () => conv2d(image, kernel, { groups: 0 }),
      ArgumentError,
      "conv2d: groups is out of range: 0, expected an integer of at least 1",
    ],
    [
      () => conv2d(image, kernel, { strides: 0 }),
      ArgumentError,
      "conv2d: strides is out of range: 0, expected a positive integer or two: [height, width]",
    ],
    [
      () => conv2d(image, kernel, { strides: NaN }),
      ArgumentError,
      "conv2d: strides is out of range: NaN, expected a positive integer or two: [height, width]",
    ],
    [
      () => conv2d(image, kernel, { dilationRate: [1, 1.5] }),
      ArgumentError,
      "conv2d: dilationRate is out of range: [1,1.5], expected a positive integer or two: [height, width]",
    ],
    [
      () => conv2d(image, kernel, { padding: wrong("full") }),
      ArgumentError,
      'conv2d: unknown padding: "full", expected "valid", "same", a number or [[top, bottom], [left, right]]',
    ],
    [
      () => conv2d(image, kernel, { padding: -1 }),
      ArgumentError,
      'conv2d: unknown padding: -1, expected "valid", "same", a number or [[top, bottom], [left, right]]',
    ],
    [
      () => conv2d(image, kernel, { padding: wrong([[1, 1]]) }),
      ArgumentError,
      'conv2d: unknown padding: [[1,1]], expected "valid", "same", a number or [[top, bottom], [left, right]]',
    ],
    [
      () => conv2d(image, kernel, { dilationRate: 2 }),
      ShapeError,
      "conv2d: the window is larger than the image: a window of [5,5] on an image of [4,4], padding [[0,0],[0,0]]",
    ],
    [
      () => conv2d(image, kernel, { bias: zeros([4]) }),
      ShapeError,
      "conv2d: the bias does not fit: it is [4], expected [5]",
    ],
    [
      () => conv2d(image, kernel, { dataFormat: wrong("NHWC") }),
      ArgumentError,
      'conv2d: unknown dataFormat: "NHWC", expected one of channelsLast, channelsFirst',
    ],
    [
      () => conv2d(image, kernel, { activation: wrong("softmax") }),
      ArgumentError,
      'conv2d: unknown activation: "softmax", expected one of none, relu, sigmoid, tanh',
    ],
    [() => conv2d(image, zeros([0, 3, 2, 5])), ShapeError, "conv2d: the kernel is empty: its shape is [0,3,2,5]"],
    [
      () => conv2d(image, kernel, wrong({ stride: 2 })),
      ArgumentError,
      'conv2d: unknown option: "stride", did you mean "strides"?',
    ],
  ],
  maxPool2d: [
    [() => maxPool2d(m23), ShapeError, "maxPool2d: x does not have 4 dimensions: its shape is [2,3]"],
    [
      () => maxPool2d(image.cast("uint8")),
      DTypeError,
      "maxPool2d: x is not floating-point: its dtype is uint8, expected float32 or float64",
    ],
    [
      () => maxPool2d(image, { poolSize: 5 }),
      ShapeError,
      "maxPool2d: the window is larger than the image: a window of [5,5] on an image of [4,4], padding [[0,0],[0,0]]",
    ],
    [
      () => maxPool2d(image, { poolSize: 2, padding: 2 }),
      ShapeError,
      "maxPool2d: a window lies in the padding alone: the window is [2,2], the padding [[2,2],[2,2]]",
    ],
    [
      () => maxPool2d(image, { poolSize: -1 }),
      ArgumentError,
      "maxPool2d: poolSize is out of range: -1, expected a positive integer or two: [height, width]",
    ],
  ],
  losses: [
    [
      () => softmaxCrossEntropy(m23, zeros([2, 4])),
      ShapeError,
      "softmaxCrossEntropy: the target does not fit: the logits are [2,3], the target is [2,4], expected [2] or [2,3]",
    ],
    [
      () => softmaxCrossEntropy(m23, zeros([2])),
      DTypeError,
      "softmaxCrossEntropy: class numbers are not integers: the target is float32, expected int32",
    ],
    [
      () => softmaxCrossEntropy(int, int),
      DTypeError,
      "softmaxCrossEntropy: logits is not floating-point: its dtype is int32, expected float32 or float64",
    ],
    [
      () => softmaxCrossEntropy(zeros([2, 0]), int),
      ShapeError,
      "softmaxCrossEntropy: the logits have no classes: their shape is [2,0]",
    ],
    [
      () => softmaxCrossEntropy(m23, int, { labelSmoothing: 1.5 }),
      ArgumentError,
      "softmaxCrossEntropy: labelSmoothing is out of range: 1.5, expected 0 to 1",
    ],
    [
      () => softmaxCrossEntropy(m23, int, { labelSmoothing: NaN }),
      ArgumentError,
      "softmaxCrossEntropy: labelSmoothing is not a number: NaN, expected a number",
    ],
    [
      () => softmaxCrossEntropy(m23, int, { reduction: wrong("max") }),
      ArgumentError,
      'softmaxCrossEntropy: unknown reduction: "max", expected one of mean, sum, none',
    ],
    [
      () => dropout(m23, 1),
      ArgumentError,
      "dropout: the rate is out of range: 1, expected a number of at least 0 and below 1",
    ],
    [() => dropout(m23, NaN), ArgumentError, "dropout: the rate is not a number: NaN, expected a number"],
    [
      () => dropout(int, 0.5),
      DTypeError,
      "dropout: x is not floating-point: its dtype is int32, expected float32 or float64",
    ],
  ],
});

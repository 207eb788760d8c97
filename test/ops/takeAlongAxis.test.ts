import { describe, expect, test } from "vitest";
import { ArgumentError, DTypeError, IndexError, ShapeError, takeAlongAxis, tensor, zeros, type Tensor } from "nabla";
import { cases, type TakeAttributes } from "../cases/takeAlongAxis.js";
import { chooseIndices, takeAlongAxis as reference } from "../reference/takeAlongAxis.js";
import { checkErrors } from "../support/check-errors.js";
import { checkOp } from "../support/check-op.js";
import { checkSecondDerivative } from "../support/second-derivative.js";

const int = (values: number[][]): Tensor => tensor(values, { dtype: "int32" });

function run([x]: Tensor[], attrs: TakeAttributes): Tensor {
  const size = x!.shape.at(attrs.axis)!;
  return takeAlongAxis(x!, tensor(chooseIndices(attrs, size), { shape: attrs.shape }), attrs.axis);
}

checkOp({ op: "takeAlongAxis", cases, run, reference, dtypes: ["float32", "float64", "int32", "uint8", "bool"] });

describe("indices", () => {
  const x = tensor([
    [10, 20, 30],
    [40, 50, 60],
  ]);
  test("of argMax", () => {
    const best = x.neg().argMax({ axis: 1, keepDims: true });
    expect(x.takeAlongAxis(best, 1).toArraySync()).toEqual([[10], [40]]);
  });
  test("uint8, and as a view", () => {
    const indices = tensor(
      [
        [0, 2],
        [1, 1],
      ],
      { dtype: "uint8" },
    );
    expect(takeAlongAxis(x, indices.transpose(), 1).toArraySync()).toEqual([
      [10, 20],
      [60, 50],
    ]);
  });
  test.each([3, -4, 2 ** 31 - 1, -(2 ** 31)])("%i is outside", (index) => {
    expect(() => takeAlongAxis(x, int([[0], [index]]), 1).dataSync()).toThrow(
      new IndexError(`takeAlongAxis: index ${index} at position 1 is outside [0, 3)`),
    );
  });
  test("outside, far behind", () => {
    const indices = new Int32Array(100_000);
    indices[77_777] = 3;
    expect(() => takeAlongAxis(tensor([1, 2, 3]), tensor(indices), 0).dataSync()).toThrow(
      new IndexError("takeAlongAxis: index 3 at position 77777 is outside [0, 3)"),
    );
  });
  test("into nothing", () => {
    expect(() => takeAlongAxis(zeros([2, 0]), int([[0], [0]]), 1).dataSync()).toThrow(
      new IndexError("takeAlongAxis: index 0 at position 0 is outside [0, 0)"),
    );
  });
});

describe("large tensors, cut among threads", () => {
  test.each([0, 1, 2])("axis %i", (axis) => {
    const shape = [50, 40, 60];
    const indices = Int32Array.from({ length: 120_000 }, (_, i) => (i * 31) % shape[axis]!);
    const x = tensor(
      Float64Array.from(indices, (_, i) => i),
      { shape, requiresGrad: true },
    );
    const taken = takeAlongAxis(x, tensor(indices, { shape }), axis);
    const step = [2400, 60, 1][axis]!;
    const wanted = Array.from(indices, (index, i) => i + (index - (Math.floor(i / step) % shape[axis]!)) * step);
    expect(Array.from(taken.dataSync())).toEqual(wanted);
    taken.sum().backward();
    const counts = new Array<number>(120_000).fill(0);
    for (const at of wanted) counts[at]!++;
    expect(Array.from(x.grad!.dataSync())).toEqual(counts);
  });
});

test("second derivatives", () => {
  checkSecondDerivative((x) => takeAlongAxis(x, int([[1, 1, -1]]), 1), [[2, 3]]);
  checkSecondDerivative((x) => takeAlongAxis(x, int([[1, 0, 1]]), 0), [[2, 1]]);
});

const m23 = zeros([2, 3]);
checkErrors({
  takeAlongAxis: [
    [
      () => takeAlongAxis(m23, zeros([2], { dtype: "int32" }), 1),
      ShapeError,
      "takeAlongAxis: the indices do not fit: the tensor is [2,3], the indices are [2], expected sizes that broadcast beside axis 1",
    ],
    [
      () => takeAlongAxis(m23, zeros([3, 3], { dtype: "int32" }), -1),
      ShapeError,
      "takeAlongAxis: the indices do not fit: the tensor is [2,3], the indices are [3,3], expected sizes that broadcast beside axis 1",
    ],
    [
      () => takeAlongAxis(m23, m23, 1),
      DTypeError,
      "takeAlongAxis: the indices are not integers: they are float32, expected int32",
    ],
    [
      () => takeAlongAxis(m23, int([[0]]), 2),
      ArgumentError,
      "takeAlongAxis: axis 2 does not exist: the tensor has 2 dimensions",
    ],
    [() => takeAlongAxis(m23, 0 as never, 1), ArgumentError, "takeAlongAxis: not a tensor: 0, expected a Tensor"],
  ],
});

import { describe, expect, test } from "vitest";
import { arange, full, ones, tensor, zeros, type DType } from "nabla";
import { ranges, shapes } from "../cases/creation.js";
import { arange as reference } from "../reference/creation.js";
import { count } from "../reference/nd.js";

const DTYPES: DType[] = ["float32", "float64", "int32", "uint8", "bool"];

describe.each(shapes)("shape [%s]", (...shape) => {
  test.each(DTYPES)("zeros, ones, full, %s", (dtype) => {
    const size = count(shape);
    for (const [made, value] of [
      [zeros(shape, { dtype }), 0],
      [ones(shape, { dtype }), 1],
      [full(shape, 7, { dtype }), dtype === "bool" ? 1 : 7],
    ] as const) {
      expect(made.shape).toEqual(shape);
      expect(made.dtype).toBe(dtype);
      expect(Array.from(made.dataSync())).toEqual(new Array(size).fill(value));
    }
  });
  test.each(DTYPES)("tensor of a typed array, %s", (dtype) => {
    const data = Float64Array.from({ length: count(shape) }, (_, i) => i % 200);
    const made = tensor(data, { shape, dtype });
    expect(Array.from(made.dataSync())).toEqual(
      Array.from(data, (value) => (dtype === "bool" ? Number(value > 0) : value)),
    );
  });
});

describe("tensor", () => {
  test("dtype of the data", () => {
    expect(tensor([1, 2]).dtype).toBe("float32");
    expect(tensor([[true], [false]]).dtype).toBe("bool");
    expect(tensor(new Float32Array(2)).dtype).toBe("float32");
    expect(tensor(new Float64Array(2)).dtype).toBe("float64");
    expect(tensor(new Int32Array(2)).dtype).toBe("int32");
    expect(tensor(new Uint8Array(2)).dtype).toBe("uint8");
    expect(tensor(new Uint8ClampedArray(2)).dtype).toBe("uint8");
    expect(tensor([]).dtype).toBe("float32");
    expect(tensor(3).dtype).toBe("float32");
    expect(tensor(true).dtype).toBe("bool");
  });
  test("shape of the data", () => {
    expect(tensor(3).shape).toEqual([]);
    expect(tensor([]).shape).toEqual([0]);
    expect(tensor([[], []]).shape).toEqual([2, 0]);
    expect(tensor([[[1, 2, 3]], [[4, 5, 6]]]).shape).toEqual([2, 1, 3]);
    expect(tensor([1, 2, 3, 4], { shape: [2, 2] }).toArraySync()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(
      tensor(
        [
          [1, 2],
          [3, 4],
        ],
        { shape: [4] },
      ).toArraySync(),
    ).toEqual([1, 2, 3, 4]);
  });
  test("there and back", async () => {
    const nested = [
      [1.5, NaN],
      [-Infinity, -0],
    ];
    expect(await tensor(nested).toArray()).toEqual(nested);
    expect(tensor([true, false]).toArraySync()).toEqual([true, false]);
  });
  test("other dtypes on demand", () => {
    expect(Array.from(tensor([1.9, -1.9], { dtype: "int32" }).dataSync())).toEqual([1, -1]);
    expect(Array.from(tensor([0, 2, NaN], { dtype: "bool" }).dataSync())).toEqual([0, 1, 1]);
    expect(Array.from(tensor([true, 2], { dtype: "float64" }).dataSync())).toEqual([1, 2]);
    expect(Array.from(tensor(new Uint8Array([0, 7]), { dtype: "bool" }).dataSync())).toEqual([0, 1]);
  });
  test.each([10, 1000])("copies %i elements at once", (size) => {
    const data = new Float32Array(size).fill(1);
    const made = tensor(data);
    data.fill(2);
    expect(made.sum().itemSync()).toBe(size);
  });
  test("a part of a buffer", () => {
    const data = new Float32Array([9, 1, 2, 9]);
    expect(Array.from(tensor(data.subarray(1, 3)).dataSync())).toEqual([1, 2]);
    const long = Float32Array.from({ length: 300 }, (_, i) => i);
    expect(tensor(long.subarray(100, 200)).dataSync()[0]).toBe(100);
  });
  test("numbers that float32 rounds", () => expect(tensor([0.1]).itemSync()).toBe(Math.fround(0.1)));
});

describe("full", () => {
  test("dtype of the value", () => {
    expect(full([2], 1).dtype).toBe("float32");
    expect(full([2], true).dtype).toBe("bool");
  });
  test("values that are no numbers to others", () => expect(full([1], NaN).itemSync()).toBeNaN());
});

describe.each(ranges)("arange(%i, %i, %i)", (start, stop, step) => {
  test.each(["float32", "float64", "int32"] as const)("%s", (dtype) => {
    expect(Array.from(arange(start, stop, step, { dtype }).dataSync())).toEqual(reference(start, stop, step));
  });
});

describe("arange", () => {
  test("of one argument", () => {
    expect(Array.from(arange(3).dataSync())).toEqual([0, 1, 2]);
    expect(arange(3, { dtype: "int32" }).dtype).toBe("int32");
    expect(arange(0).shape).toEqual([0]);
  });
  test("by fractions", () => expect(Array.from(arange(0, 1, 0.25).dataSync())).toEqual([0, 0.25, 0.5, 0.75]));
});

test("requiresGrad", () => {
  for (const made of [
    tensor([1], { requiresGrad: true }),
    zeros([1], { requiresGrad: true }),
    arange(2, { requiresGrad: true }),
  ]) {
    expect(made.requiresGrad).toBe(true);
  }
});

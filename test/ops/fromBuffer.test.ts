import { describe, expect, test } from "vitest";
import { ArgumentError, DTypeError, ShapeError, fromBuffer } from "nabla";
import { cases } from "../cases/fromBuffer.js";
import { bytesNeeded, fromBuffer as reference } from "../reference/fromBuffer.js";
import { checkErrors } from "../support/check-errors.js";

test.each(cases)("$dtype [$shape] at byte $byteOffset", (testCase) => {
  // Finite numbers in every dtype: no float has an exponent of all ones.
  const bytes = Uint8Array.from({ length: bytesNeeded(testCase) }, (_, i) => (i * 37) % 100);
  const made = fromBuffer(bytes, testCase);
  expect(made).toMatchObject({ shape: testCase.shape, dtype: testCase.dtype });
  expect(Array.from(made.dataSync())).toEqual(reference(bytes, testCase));
});

describe("what is a buffer", () => {
  const numbers = Float32Array.of(1, -2.5, 3);
  test.each([
    ["ArrayBuffer", numbers.buffer],
    ["typed array", numbers],
    ["DataView", new DataView(numbers.buffer)],
    ["Buffer", Buffer.from(numbers.buffer.slice(0))],
    ["Buffer from the pool", Buffer.from([...new Uint8Array(numbers.buffer)])],
    ["view of shared memory", shared()],
  ])("%s", (_, buffer) => expect(fromBuffer(buffer).toArraySync()).toEqual([1, -2.5, 3]));

  function shared(): Float32Array {
    const view = new Float32Array(new SharedArrayBuffer(12));
    view.set(numbers);
    return view;
  }
});

test("only what a view shows, from an offset on", () => {
  const data = Int32Array.of(9, 1, 2, 3, 9);
  const part = data.subarray(1, 4);
  expect(fromBuffer(part, { dtype: "int32" }).toArraySync()).toEqual([1, 2, 3]);
  expect(fromBuffer(part, { dtype: "int32", byteOffset: 8 }).toArraySync()).toEqual([3]);
  expect(fromBuffer(part, { byteOffset: 12 }).shape).toEqual([0]);
});

test("copies at once", () => {
  const data = new Float32Array(100).fill(1);
  const made = fromBuffer(data, { requiresGrad: true });
  data.fill(2);
  expect(made.sum().itemSync()).toBe(100);
  expect(made.requiresGrad).toBe(true);
});

checkErrors({
  fromBuffer: [
    [
      () => fromBuffer(new ArrayBuffer(10)),
      ShapeError,
      "fromBuffer: not whole elements: 10 bytes, expected a multiple of 4 for float32",
    ],
    [
      () => fromBuffer(new ArrayBuffer(16), { dtype: "float64", byteOffset: 4 }),
      ShapeError,
      "fromBuffer: not whole elements: 12 bytes, expected a multiple of 8 for float64",
    ],
    [
      () => fromBuffer(new ArrayBuffer(16), { shape: [2, 3] }),
      ShapeError,
      "fromBuffer: the bytes do not fit the shape: 4 elements, [2,3] has 6",
    ],
    [
      () => fromBuffer(new ArrayBuffer(4), { byteOffset: 5 }),
      ArgumentError,
      "fromBuffer: byteOffset is out of range: 5, expected at most the 4 bytes that there are",
    ],
    [
      () => fromBuffer(new ArrayBuffer(4), { byteOffset: -1 }),
      ArgumentError,
      "fromBuffer: byteOffset is out of range: -1, expected an integer of at least 0",
    ],
    [
      () => fromBuffer([1, 2] as never),
      ArgumentError,
      "fromBuffer: not a buffer: [1,2], expected an ArrayBuffer or a view of one",
    ],
    [
      () => fromBuffer(new ArrayBuffer(4), { type: "int32" } as never),
      ArgumentError,
      'fromBuffer: unknown option: "type", did you mean "dtype"?',
    ],
    [
      () => fromBuffer(new ArrayBuffer(4), { dtype: "int32", requiresGrad: true }),
      DTypeError,
      "fromBuffer: only float32 and float64 tensors can require gradients: the dtype is int32",
    ],
  ],
});

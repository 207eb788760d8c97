import { describe, expect, test } from "vitest";
import { ArgumentError, DTypeError, memory, oneHot, tensor } from "nabla";
import { cases } from "../cases/oneHot.js";
import { oneHot as reference } from "../reference/oneHot.js";
import { checkErrors } from "../support/check-errors.js";

describe.each(cases)("$indices as [$shape], depth $depth, axis $axis", (testCase) => {
  const { indices, shape, depth, axis } = testCase;
  test.each(["float32", "float64", "int32", "uint8", "bool"] as const)("%s", (dtype) => {
    const at = tensor(Int32Array.from(indices), { shape });
    const wanted = reference(testCase, 1, 0);
    const made = oneHot(at, depth, { axis, dtype });
    expect(made).toMatchObject({ shape: wanted.shape, dtype });
    expect(Array.from(made.dataSync())).toEqual(Array.from(wanted.data));
  });
  test("other values", () => {
    const at = tensor(Int32Array.from(indices), { shape });
    const made = oneHot(at, depth, { axis, onValue: 0.75, offValue: -2 });
    expect(Array.from(made.dataSync())).toEqual(Array.from(reference(testCase, 0.75, -2).data));
  });
});

test("indices of other kinds", () => {
  expect(oneHot(1, 2).toArraySync()).toEqual([0, 1]);
  expect(oneHot([1, 0], 2)).toMatchObject({ shape: [2, 2], dtype: "float32" });
  expect(tensor([1, 0], { dtype: "uint8" }).oneHot(2, { dtype: "int32" }).toArraySync()).toEqual([
    [0, 1],
    [1, 0],
  ]);
});

test("leaves nothing behind but its result", () => {
  oneHot([1], 3); // makes the constants that are kept
  const before = memory().tensors;
  oneHot([1, 2], 3).dispose();
  expect(memory().tensors).toBe(before);
});

checkErrors({
  oneHot: [
    [() => oneHot([0], -1), ArgumentError, "oneHot: depth is out of range: -1, expected an integer of at least 0"],
    [() => oneHot([0], 2, { axis: 2 }), ArgumentError, "oneHot: axis 2 does not exist: the tensor has 2 dimensions"],
    [
      () => oneHot(tensor([0]), 2),
      DTypeError,
      "oneHot: the indices are not integers: they are float32, expected int32",
    ],
    [
      () => oneHot([0], 2, { onValue: "1" as never }),
      ArgumentError,
      'oneHot: onValue is not a number: "1", expected a number',
    ],
    [
      () => oneHot([0], 2, { offValue: -1, dtype: "uint8" }),
      ArgumentError,
      "oneHot: uint8 cannot hold a value: offValue is -1, expected 0 to 255",
    ],
    [
      () => oneHot([0], 2, { onvalue: 1 } as never),
      ArgumentError,
      'oneHot: unknown option: "onvalue", did you mean "onValue"?',
    ],
    [() => oneHot("a" as never, 2), ArgumentError, 'oneHot: not a tensor: "a", expected a Tensor'],
  ],
});

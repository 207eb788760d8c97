import { describe, expect, test } from "vitest";
import { ArgumentError, DTypeError, ShapeError, linspace } from "nabla";
import { cases } from "../cases/linspace.js";
import { linspace as reference } from "../reference/linspace.js";
import { checkErrors } from "../support/check-errors.js";
import { expectClose } from "../support/check-op.js";

describe.each(cases)("linspace(%d, %d, %d), endpoint %s", (start, stop, count, endpoint) => {
  const wanted = reference(start, stop, count, endpoint);
  // The distance, its multiple and the sum are rounded: three times 2^-53 of at most 105.
  test.each([
    ["float32", 2 ** -23],
    ["float64", 4 * 2 ** -53],
  ] as const)("%s", (dtype, tolerance) => {
    const made = linspace(start, stop, count, { endpoint, dtype });
    expect(made).toMatchObject({ shape: [count], dtype });
    expectClose(made.dataSync(), wanted, tolerance, dtype);
    if (count > 0) expect(made.dataSync()[0]).toBe(start);
    if (count > 1 && endpoint) expect(made.dataSync()[count - 1]).toBe(stop);
  });
  test("int32 rounds down", () => {
    const made = linspace(start, stop, count, { endpoint, dtype: "int32" });
    expect(Array.from(made.dataSync())).toEqual(wanted.map((value) => Math.floor(value) + 0));
  });
});

test("the ends are exact, however the distance is rounded", () => {
  for (let count = 2; count < 200; count++) {
    const data = linspace(0.1, 0.7, count, { dtype: "float64" }).dataSync();
    expect([data[0], data[count - 1]]).toEqual([0.1, 0.7]);
  }
});

test("uint8, and large tensors", () => {
  expect(Array.from(linspace(0, 255, 4, { dtype: "uint8" }).dataSync())).toEqual([0, 85, 170, 255]);
  expect(linspace(0, 99_999, 100_000, { dtype: "float64" }).sum().itemSync()).toBe((99_999 * 100_000) / 2);
});

test("defaults", () => {
  expect(linspace(0, 1, 2)).toMatchObject({ dtype: "float32", requiresGrad: false });
  expect(linspace(0, 1, 2, { requiresGrad: true }).requiresGrad).toBe(true);
});

checkErrors({
  linspace: [
    [() => linspace(0, 1, -1), ArgumentError, "linspace: count is out of range: -1, expected an integer of at least 0"],
    [
      () => linspace(0, 1, 2.5),
      ArgumentError,
      "linspace: count is out of range: 2.5, expected an integer of at least 0",
    ],
    [() => linspace(0, Infinity, 2), ArgumentError, "linspace: stop is not finite: Infinity, expected a finite number"],
    [() => linspace("0" as never, 1, 2), ArgumentError, 'linspace: start is not a number: "0", expected a number'],
    [
      () => linspace(0, 256, 2, { dtype: "uint8" }),
      ArgumentError,
      "linspace: uint8 cannot hold a value: stop is 256, expected 0 to 255",
    ],
    [() => linspace(0, 1, 2, { dtype: "bool" }), DTypeError, "linspace: bool holds no range: expected another dtype"],
    [
      () => linspace(0, 1, 2, { endpoint: 1 as never }),
      ArgumentError,
      "linspace: endpoint is wrong: 1, expected true or false",
    ],
    [
      () => linspace(0, 1, 2, { endPoint: true } as never),
      ArgumentError,
      'linspace: unknown option: "endPoint", did you mean "endpoint"?',
    ],
    [
      () => linspace(0, 1, 2, { dtype: "int32", requiresGrad: true }),
      DTypeError,
      "linspace: only float32 and float64 tensors can require gradients: the dtype is int32",
    ],
    [
      () => linspace(0, 1, 2 ** 31),
      ShapeError,
      "linspace: too many elements: the shape is [2147483648], at most 2147483647 are possible in a tensor",
    ],
  ],
});

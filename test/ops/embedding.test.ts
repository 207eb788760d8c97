import { describe, expect, test } from "vitest";
import { ArgumentError, DTypeError, embedding, IndexError, ShapeError, tensor } from "nabla";
import { cases } from "../cases/embedding.js";
import { embedding as reference } from "../reference/embedding.js";
import { checkErrors } from "../support/check-errors.js";
import { checkOp } from "../support/check-op.js";
import { checkSecondDerivative } from "../support/second-derivative.js";

const indices = (values: readonly number[], shape: readonly number[] = [values.length]) =>
  tensor(Int32Array.from(values), { shape });

checkOp({
  op: "embedding",
  cases,
  run: ([table], attrs) => embedding(indices(attrs.indices, attrs.shape), table!),
  reference,
});

test("second derivative of embedding", () =>
  checkSecondDerivative((x) => embedding(indices([1, 0, 1]), x.mul(x)), [[3, 2]]));

describe("indices", () => {
  const table = tensor([[1, 2], [3, 4]]); // prettier-ignore
  test("of uint8, and as a method", () => {
    expect(tensor(Uint8Array.of(1, 0)).embedding(table).toArraySync()).toEqual([
      [3, 4],
      [1, 2],
    ]);
  });
  test("outside the table are an IndexError", () => {
    const rows = embedding(indices([0, 2]), table);
    expect(() => rows.dataSync()).toThrow(IndexError);
    expect(() => rows.dataSync()).toThrow("embedding: index 2 at position 1 is outside [0, 2)");
  });
});

checkErrors({
  embedding: [
    [
      () => embedding(tensor([0, 1]), tensor([[1, 2]])),
      DTypeError,
      "embedding: the indices are not integers: they are float32, expected int32",
    ],
    [
      () => embedding(indices([0]), tensor([1, 2])),
      ShapeError,
      "embedding: the table has not two dimensions: its shape is [2], expected [rows, size]",
    ],
    [() => embedding(indices([0]), 1 as never), ArgumentError, "embedding: not a tensor: 1, expected a Tensor"],
  ],
});

import { expect, test } from "vitest";
import { eye } from "nabla";
import { cases } from "../cases/eye.js";
import { eye as reference } from "../reference/eye.js";

test.each(cases)("%i by %i", (rows, columns) => {
  for (const dtype of ["float32", "float64", "int32", "uint8", "bool"] as const) {
    const made = eye(rows, columns, { dtype });
    expect(made).toMatchObject({ dtype, shape: [rows, columns] });
    expect(Array.from(made.dataSync())).toEqual(Array.from(reference(rows, columns).data));
  }
});

test("square and float32 by default", () => expect(eye(3)).toMatchObject({ shape: [3, 3], dtype: "float32" }));

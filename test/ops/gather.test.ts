import { describe, expect, test } from "vitest";
import { gather, scatterAdd, tensor } from "nabla";
import { cases, scatterCases } from "../cases/gather.js";
import { gather as gatherReference, scatterAdd as scatterReference } from "../reference/gather.js";
import { checkOp } from "../support/check-op.js";
import { draw, random } from "../support/values.js";

const at = ({ indices, shape }: { indices: readonly number[]; shape: readonly number[] }) =>
  tensor(Int32Array.from(indices), { shape });

checkOp({
  op: "gather",
  cases,
  run: ([x], attrs) => gather(x!, at(attrs), attrs.axis),
  reference: gatherReference,
  dtypes: ["float32", "float64", "int32", "uint8", "bool"],
});

checkOp({
  op: "scatterAdd",
  cases: scatterCases,
  run: ([x, updates], attrs) => scatterAdd(x!, at(attrs), updates!, attrs.axis),
  reference: scatterReference,
  dtypes: ["float32", "float64", "int32", "uint8"],
});

test("a table of numbers, indexed so often that the indices are sorted by range first", () => {
  const next = random("many indices");
  const [rows, count] = [40_009, 100_003];
  const where = Int32Array.from({ length: count }, () => Math.floor(next() * 2 * rows) - rows);
  const updates = draw("integers", [count, 2], next);
  const base = draw("integers", [rows, 2], next);
  const wanted = new Float64Array(base);
  where.forEach((row, i) => {
    for (const j of [0, 1]) wanted[(row < 0 ? row + rows : row) * 2 + j]! += updates[2 * i + j]!;
  });
  const got = scatterAdd(tensor(base, { shape: [rows, 2] }), tensor(where), tensor(updates, { shape: [count, 2] }));
  expect(got.dataSync()).toEqual(wanted); // sums of integers are exact

  const x = tensor(base, { requiresGrad: true });
  gather(x, tensor(where)).sum().backward();
  const times = new Float64Array(2 * rows);
  for (const row of where) times[row < 0 ? row + 2 * rows : row]!++;
  expect(x.grad!.dataSync()).toEqual(times);
});

describe("indices", () => {
  const x = tensor([10, 20, 30]);
  test("as numbers and arrays", () => {
    expect(gather(x, 1).itemSync()).toBe(20);
    expect(gather(x, [2, 0]).toArraySync()).toEqual([30, 10]);
  });
  test("as a view", () => {
    const indices = tensor(
      [
        [0, 1, 2],
        [2, 1, 0],
      ],
      { dtype: "int32" },
    ).transpose();
    expect(gather(x, indices).toArraySync()).toEqual([
      [10, 30],
      [20, 20],
      [30, 10],
    ]);
  });
  test("the gradient of a gradient", () => {
    const y = tensor([1, 2, 3], { requiresGrad: true });
    const rows = gather(y, [1, 1]);
    rows.mul(rows).sum().backward(undefined, { createGraph: true });
    const first = y.grad!;
    y.grad = null;
    first.sum().backward();
    expect(y.grad!.toArraySync()).toEqual([0, 4, 0]);
  });
});

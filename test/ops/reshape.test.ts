import { describe, expect, test } from "vitest";
import { expandDims, flatten, reshape, squeeze, tensor, transpose, type Tensor } from "nabla";
import { cases, type ReshapeAttributes } from "../cases/reshape.js";
import { reshape as reference } from "../reference/reshape.js";
import { checkOp } from "../support/check-op.js";

function run([x]: Tensor[], { op, shape, axis }: ReshapeAttributes): Tensor {
  if (op === "reshape") return reshape(x!, shape!);
  if (op === "flatten") return flatten(x!);
  if (op === "expandDims") return expandDims(x!, axis as number);
  return squeeze(x!, axis);
}

for (const op of ["reshape", "flatten", "expandDims", "squeeze"] as const) {
  checkOp({
    op,
    cases: cases.filter(({ attrs }) => attrs.op === op),
    run,
    reference,
    dtypes: ["float32", "float64", "int32", "uint8", "bool"],
  });
}

describe("memory", () => {
  test("views where the memory allows", () => {
    const x = tensor([
      [1, 2, 3, 4],
      [5, 6, 7, 8],
    ]);
    expect(reshape(x, [4, 2]).storage).toBe(x.storage);
    expect(expandDims(transpose(x), 0).storage).toBe(x.storage);
    const columns = x.slice([null, [0, 2]]);
    expect(reshape(columns, [2, 2, 1]).storage).toBe(x.storage);
    expect(reshape(columns, [2, 1, 2]).toArraySync()).toEqual([[[1, 2]], [[5, 6]]]);
  });
  test("a copy where they do not", () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    const flat = reshape(transpose(x), [4]);
    expect(flat.storage).not.toBe(x.storage);
    expect(flat.toArraySync()).toEqual([1, 3, 2, 4]);
  });
});

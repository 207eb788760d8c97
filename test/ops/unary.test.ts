import { describe, expect, test } from "vitest";
import { abs, clip, exp, log, neg, relu, rsqrt, sigmoid, sign, sqrt, square, tanh, tensor, type DType } from "nabla";
import { cases, clipCases } from "../cases/unary.js";
import { clip as clipReference, reference } from "../reference/unary.js";
import { checkOp } from "../support/check-op.js";

const ops = { neg, abs, sign, square, exp, log, sqrt, rsqrt, tanh, sigmoid, relu };
const FLOAT: DType[] = ["float32", "float64"];
const NUMBER: DType[] = [...FLOAT, "int32", "uint8"];
const dtypes: Partial<Record<keyof typeof ops, DType[]>> = {
  neg: [...FLOAT, "int32"],
  abs: NUMBER,
  sign: NUMBER,
  square: NUMBER,
  relu: NUMBER,
};

for (const name of Object.keys(ops) as (keyof typeof ops)[]) {
  checkOp({
    op: name,
    cases: cases[name],
    run: ([x]) => ops[name](x!),
    reference: reference[name],
    dtypes: dtypes[name] ?? FLOAT,
  });
}

checkOp({
  op: "clip",
  cases: clipCases,
  run: ([x], { low, high }) => clip(x!, low, high),
  reference: (inputs, { low, high }) => clipReference(low, high)(inputs),
});

describe("dtypes", () => {
  test("functions of real numbers take integers as float32", () => {
    const x = tensor([0, 1, 4], { dtype: "int32" });
    expect(sqrt(x).dtype).toBe("float32");
    expect(Array.from(sqrt(x).dataSync())).toEqual([0, 1, 2]);
    expect(exp(tensor([true])).itemSync()).toBeCloseTo(Math.E, 6);
  });
  test("neg takes uint8 and bool as int32", () => {
    expect(Array.from(neg(tensor(new Uint8Array([0, 200]))).dataSync())).toEqual([0, -200]);
    expect(neg(tensor([true])).dtype).toBe("int32");
  });
  test("clip keeps integers", () => {
    const x = tensor([-5, 0, 5], { dtype: "int32" });
    expect(Array.from(clip(x, -2, null).dataSync())).toEqual([-2, 0, 5]);
    expect(clip(x, -2, 2).dtype).toBe("int32");
  });
});

describe("gradients at kinks", () => {
  const at = (op: (x: ReturnType<typeof tensor>) => ReturnType<typeof tensor>, ...values: number[]): number[] => {
    const x = tensor(values, { requiresGrad: true });
    op(x).sum().backward();
    return Array.from(x.grad!.dataSync());
  };
  test("relu passes none at 0", () => expect(at(relu, -1, 0, 1)).toEqual([0, 0, 1]));
  test("abs has none at 0", () => expect(at(abs, -1, 0, 1)).toEqual([-1, 0, 1]));
  test("clip passes it on its bounds", () =>
    expect(at((x) => clip(x, -1, 1), -2, -1, 0, 1, 2)).toEqual([0, 1, 1, 1, 0]));
});

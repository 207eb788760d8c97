import { describe, expect, test } from "vitest";
import {
  abs,
  ceil,
  clip,
  cos,
  erf,
  exp,
  expm1,
  floor,
  isNaN,
  log,
  log1p,
  neg,
  relu,
  round,
  rsqrt,
  sigmoid,
  sign,
  sin,
  sqrt,
  square,
  tanh,
  tensor,
  type DType,
  type Tensor,
} from "nabla";
import { cases, clipCases } from "../cases/unary.js";
import { clip as clipReference, reference } from "../reference/unary.js";
import { checkOp } from "../support/check-op.js";
import { checkSecondDerivative } from "../support/second-derivative.js";

const ops = {
  neg,
  abs,
  sign,
  square,
  exp,
  log,
  sqrt,
  rsqrt,
  tanh,
  sigmoid,
  relu,
  expm1,
  log1p,
  sin,
  cos,
  erf,
  floor,
  ceil,
  round,
  isNaN,
};
const FLOAT: DType[] = ["float32", "float64"];
const NUMBER: DType[] = [...FLOAT, "int32", "uint8"];
const dtypes: Partial<Record<keyof typeof ops, DType[]>> = {
  neg: [...FLOAT, "int32"],
  abs: NUMBER,
  sign: NUMBER,
  square: NUMBER,
  relu: NUMBER,
  floor: NUMBER,
  ceil: NUMBER,
  round: NUMBER,
  isNaN: [...NUMBER, "bool"],
};

for (const name of Object.keys(ops) as (keyof typeof ops)[]) {
  checkOp({
    op: name,
    cases: cases[name],
    run: ([x]) => ops[name](x!),
    reference: reference[name],
    dtypes: dtypes[name] ?? FLOAT,
    ...(name === "isNaN" && { outputDType: () => "bool", gradient: "none" }),
  });
}

checkOp({
  op: "clip",
  cases: clipCases,
  run: ([x], { low, high }) => clip(x!, low, high),
  reference: (inputs, { low, high }) => clipReference(low, high)(inputs),
});

describe("second derivatives", () => {
  const anywhere = [-2.7, -1.1, -0.3, 0.2, 0.9, 1.8, 3.3];
  const positive = [0.2, 0.7, 1, 1.9, 4.4];
  const points = { log: positive, sqrt: positive, rsqrt: positive, log1p: [-0.7, -0.2, ...positive] };
  const smooth = { neg, abs, sign, square, exp, log, sqrt, rsqrt, tanh, sigmoid, relu, expm1, log1p, sin, cos, erf };
  for (const [name, op] of Object.entries({ ...smooth, floor, ceil, round })) {
    const values = (points as Record<string, number[]>)[name] ?? anywhere;
    test(name, () => checkSecondDerivative((x) => (op as (x: Tensor) => Tensor)(x), [[values.length]], values));
  }
  test("clip", () => checkSecondDerivative((x) => clip(x, -1, 1), [[anywhere.length]], anywhere));
});

describe("rounding", () => {
  const values = [-0.5, -0.2, 0, -0, 0.5, 2.5, 3.5, -3.5];
  const bits = (op: (x: Tensor) => Tensor, dtype: DType): number[] =>
    Array.from(op(tensor(values, { dtype })).dataSync());
  test.each(["float32", "float64"] as const)("keeps the sign of zero, %s", (dtype) => {
    expect(bits(floor, dtype)).toEqual([-1, -1, 0, -0, 0, 2, 3, -4]);
    expect(bits(ceil, dtype)).toEqual([-0, -0, 0, -0, 1, 3, 4, -3]);
    expect(bits(round, dtype)).toEqual([-0, -0, 0, -0, 0, 2, 4, -4]);
  });
  test("keeps the dtype of integers", () => {
    for (const op of [floor, ceil, round]) {
      expect(op(tensor([-3, 7], { dtype: "int32" })).dtype).toBe("int32");
      expect(op(tensor(new Uint8Array([3]))).dtype).toBe("uint8");
      expect(op(tensor([true])).dtype).toBe("uint8");
    }
  });
});

test("sin, expm1, log1p and erf keep the sign of zero", () => {
  for (const op of [sin, expm1, log1p, erf]) {
    for (const dtype of FLOAT) expect(Array.from(op(tensor([-0, 0], { dtype })).dataSync())).toEqual([-0, 0]);
  }
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

import { describe, expect, test } from "vitest";
import { add, div, maximum, minimum, mul, pow, relu, sub, tensor, type DType } from "nabla";
import { cases, specials } from "../cases/binary.js";
import { reference } from "../reference/binary.js";
import { elementwise } from "../reference/nd.js";
import { checkOp } from "../support/check-op.js";

const ops = { add, sub, mul, div, pow, maximum, minimum };
const dtypes: Record<keyof typeof ops, DType[]> = {
  add: ["float32", "float64", "int32", "uint8"],
  sub: ["float32", "float64", "int32"],
  mul: ["float32", "float64", "int32", "uint8"],
  div: ["float32", "float64"],
  pow: ["float32", "float64"],
  maximum: ["float32", "float64", "int32", "uint8"],
  minimum: ["float32", "float64", "int32", "uint8"],
};

for (const name of Object.keys(ops) as (keyof typeof ops)[]) {
  checkOp({
    op: name,
    cases: [...cases[name], specials],
    run: ([a, b]) => ops[name](a!, b!),
    reference: reference[name],
    dtypes: dtypes[name],
    // pow: the logarithm is off by one unit, which the exponent (some 3) and the result's size (some 30) scale.
    tolerance: name === "pow" ? { float32: 1e-5, float64: 1e-12 } : {},
  });
}

checkOp({
  op: "add with relu",
  cases: [...cases.add, specials],
  run: ([a, b]) => add(a!, b!, { activation: "relu" }),
  reference: (inputs) => elementwise((x) => (x < 0 ? 0 : x))([reference.add(inputs)]),
});
test("add with relu is relu of add", () => {
  const [a, b] = [tensor([[1, -2, NaN]]), tensor([[-3], [3]])];
  expect(a.add(b, { activation: "relu" }).toArraySync()).toEqual(relu(add(a, b)).toArraySync());
  expect(add(tensor([1], { dtype: "int32" }), 2, { activation: "relu" }).dtype).toBe("float32");
  expect(add(a, b, {}).toArraySync()).toEqual(add(a, b).toArraySync());
  expect(() => add(a, b, { activation: "tanh" as never })).toThrow('add: unknown activation: "tanh"');
  expect(() => add(a, b, { bias: b } as never)).toThrow("add: unknown option");
});

describe("operands", () => {
  const int = tensor([1, 2, 3], { dtype: "int32" });
  test("a number takes the tensor's dtype", () => {
    expect(add(tensor([1, 2]), 1).dtype).toBe("float32");
    expect(add(tensor(new Float64Array([0.1])), 0.2).dataSync()[0]).toBe(0.1 + 0.2);
    expect(add(int, 2)).toMatchObject({ dtype: "int32" });
    expect(Array.from(mul(int, 2).dataSync())).toEqual([2, 4, 6]);
    expect(Array.from(sub(10, int).dataSync())).toEqual([9, 8, 7]);
    expect(Array.from(int.add(-1).dataSync())).toEqual([0, 1, 2]);
  });
  test("a number that the dtype cannot hold gives one that can", () => {
    expect(add(int, 0.5).dtype).toBe("float32");
    expect(add(tensor(new Uint8Array([200])), 256).dtype).toBe("int32");
    expect(add(tensor(new Uint8Array([200])), 55).dtype).toBe("uint8");
    expect(add(tensor([true, false]), 2).dtype).toBe("uint8");
    expect(add(tensor([true, false]), 300).dtype).toBe("int32");
    expect(add(int, 2 ** 40).dtype).toBe("float32");
    expect(add(int, NaN).dtype).toBe("float32");
  });
  test("two tensors are promoted", () => {
    expect(add(int, tensor([0.5, 0.5, 0.5])).dtype).toBe("float32");
    expect(add(tensor([1]), tensor(new Float64Array([1]))).dtype).toBe("float64");
    expect(add(tensor(new Uint8Array([255])), tensor([1], { dtype: "int32" })).dataSync()[0]).toBe(256);
    expect(add(tensor([true]), tensor([true]))).toMatchObject({ dtype: "uint8" });
    expect(sub(tensor(new Uint8Array([1])), tensor(new Uint8Array([2]))).dataSync()[0]).toBe(-1);
  });
  test("integers divide to float32", () => {
    expect(div(int, 2).dtype).toBe("float32");
    expect(Array.from(div(int, 2).dataSync())).toEqual([0.5, 1, 1.5]);
  });
  test("integer powers", () => {
    expect(Array.from(pow(tensor([2, -2, 3, 0], { dtype: "int32" }), 3).dataSync())).toEqual([8, -8, 27, 0]);
    expect(Array.from(pow(tensor([1, -1, 2, 2], { dtype: "int32" }), -1).dataSync())).toEqual([1, -1, 0, 0]);
  });
  test("-0 is not taken for 0", () => {
    div(tensor([1]), 0);
    expect(div(tensor([1]), -0).dataSync()[0]).toBe(-Infinity);
    expect(div(tensor([1]), 0).dataSync()[0]).toBe(Infinity);
  });
  test("more constants than are kept for reuse", () => {
    const x = tensor([1]);
    let sum = 0;
    for (let i = 0; i < 200; i++) sum += add(x, i).dataSync()[0]!;
    expect(sum).toBe(200 + (199 * 200) / 2);
  });
  test("equal elements share the gradient", () => {
    const a = tensor([1, 2, 3], { requiresGrad: true });
    const b = tensor([1, 3, 2], { requiresGrad: true });
    maximum(a, b).backward(tensor([1, 1, 1]));
    expect(Array.from(a.grad!.dataSync())).toEqual([0.5, 0, 1]);
    expect(Array.from(b.grad!.dataSync())).toEqual([0.5, 1, 0]);
  });
  test("powers of 0 have finite gradients where they exist", () => {
    const x = tensor([0, 0, 0], { requiresGrad: true });
    pow(x, tensor([0, 1, 2])).backward(tensor([1, 1, 1]));
    expect(Array.from(x.grad!.dataSync())).toEqual([0, 1, 0]);
    const y = tensor([2, 0], { requiresGrad: true });
    pow(tensor([0, 2]), y).backward(tensor([1, 1]));
    expect(Array.from(y.grad!.dataSync())).toEqual([0, expect.closeTo(Math.log(2), 6)]);
  });
  test("the same tensor twice", () => {
    const x = tensor([3], { requiresGrad: true });
    x.mul(x).add(x).backward();
    expect(x.grad!.itemSync()).toBe(7);
  });
});

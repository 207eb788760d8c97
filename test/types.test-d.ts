import { describe, expectTypeOf, test } from "vitest";
import {
  add,
  arange,
  argMax,
  cast,
  conv2d,
  full,
  matmul,
  mean,
  randn,
  sum,
  tensor,
  where,
  zeros,
  type DType,
  type Tensor,
} from "nabla";

describe("creation", () => {
  test("the dtype of the data", () => {
    expectTypeOf(tensor([1, 2])).toEqualTypeOf<Tensor<"float32">>();
    expectTypeOf(tensor([[1], [2]])).toEqualTypeOf<Tensor<"float32">>();
    expectTypeOf(tensor(3)).toEqualTypeOf<Tensor<"float32">>();
    expectTypeOf(tensor([[true]])).toEqualTypeOf<Tensor<"bool">>();
    expectTypeOf(tensor(new Float64Array(1))).toEqualTypeOf<Tensor<"float64">>();
    expectTypeOf(tensor(new Int32Array(1))).toEqualTypeOf<Tensor<"int32">>();
    expectTypeOf(tensor(new Uint8Array(1))).toEqualTypeOf<Tensor<"uint8">>();
  });
  test("the dtype that is asked for", () => {
    expectTypeOf(tensor([1], { dtype: "int32" })).toEqualTypeOf<Tensor<"int32">>();
    expectTypeOf(tensor(new Int32Array(1), { dtype: "float64", shape: [1] })).toEqualTypeOf<Tensor<"float64">>();
    expectTypeOf(zeros([2])).toEqualTypeOf<Tensor<"float32">>();
    expectTypeOf(zeros([2], { dtype: "bool" })).toEqualTypeOf<Tensor<"bool">>();
    expectTypeOf(full([2], true)).toEqualTypeOf<Tensor<"bool">>();
    expectTypeOf(randn([2], { dtype: "float64" })).toEqualTypeOf<Tensor<"float64">>();
    expectTypeOf(arange(3, { dtype: "int32" })).toEqualTypeOf<Tensor<"int32">>();
    expectTypeOf(tensor([1], { requiresGrad: true })).toEqualTypeOf<Tensor<"float32">>();
  });
  test("wrong arguments", () => {
    // @ts-expect-error text is no data
    tensor("abc");
    // @ts-expect-error no such dtype
    tensor([1], { dtype: "float16" });
    // @ts-expect-error no such option
    zeros([1], { type: "int32" });
    // @ts-expect-error a shape is an array
    zeros(3);
  });
});

describe("reading", () => {
  test("the typed array of the dtype", () => {
    expectTypeOf(tensor([1]).dataSync()).toEqualTypeOf<Float32Array>();
    expectTypeOf(tensor([1], { dtype: "int32" }).data()).toEqualTypeOf<Promise<Int32Array>>();
    expectTypeOf(tensor([true]).dataSync()).toEqualTypeOf<Uint8Array>();
    expectTypeOf(tensor([1]).item()).toEqualTypeOf<Promise<number>>();
  });
  test("the gradient has the tensor's dtype", () => {
    expectTypeOf(tensor([1]).grad).toEqualTypeOf<Tensor<"float32"> | null>();
  });
});

describe("ops", () => {
  const f = tensor([1]);
  const d = tensor(new Float64Array(1));
  const i = tensor(new Int32Array(1));
  const b = tensor([true]);

  test("promotion", () => {
    expectTypeOf(add(f, d)).toEqualTypeOf<Tensor<"float64">>();
    expectTypeOf(f.mul(i)).toEqualTypeOf<Tensor<"float32">>();
    expectTypeOf(i.sub(b)).toEqualTypeOf<Tensor<"int32">>();
    expectTypeOf(b.add(b)).toEqualTypeOf<Tensor<"uint8">>();
    expectTypeOf(i.div(i)).toEqualTypeOf<Tensor<"float32">>();
    expectTypeOf(where(b, f, d)).toEqualTypeOf<Tensor<"float64">>();
    expectTypeOf(matmul(f, d)).toEqualTypeOf<Tensor<"float64">>();
    expectTypeOf(conv2d(f, f)).toEqualTypeOf<Tensor<"float32">>();
  });
  test("numbers", () => {
    expectTypeOf(f.mul(2)).toEqualTypeOf<Tensor<"float32">>();
    expectTypeOf(add(1, d)).toEqualTypeOf<Tensor<"float64">>();
    expectTypeOf(i.add(1)).toEqualTypeOf<Tensor<"float32" | "int32">>();
  });
  test("dtypes that ops make", () => {
    expectTypeOf(f.equal(1)).toEqualTypeOf<Tensor<"bool">>();
    expectTypeOf(argMax(f)).toEqualTypeOf<Tensor<"int32">>();
    expectTypeOf(cast(f, "uint8")).toEqualTypeOf<Tensor<"uint8">>();
    expectTypeOf(sum(b)).toEqualTypeOf<Tensor<"int32">>();
    expectTypeOf(mean(i)).toEqualTypeOf<Tensor<"float32">>();
    expectTypeOf(d.exp()).toEqualTypeOf<Tensor<"float64">>();
    expectTypeOf(b.exp()).toEqualTypeOf<Tensor<"float32">>();
    expectTypeOf(i.neg()).toEqualTypeOf<Tensor<"int32">>();
    expectTypeOf(
      i
        .reshape([1])
        .transpose()
        .slice([[0, 1]]),
    ).toEqualTypeOf<Tensor<"int32">>();
  });
  test("a tensor of some dtype", () => {
    const any = f as Tensor;
    expectTypeOf(any.dtype).toEqualTypeOf<DType>();
    expectTypeOf(any.add(any)).toExtend<Tensor>();
    expectTypeOf(f).toExtend<Tensor>();
    let w = f;
    w = w.sub(w.square().sum().mul(0.1));
    expectTypeOf(w).toEqualTypeOf<Tensor<"float32">>();
  });
  test("wrong arguments", () => {
    // @ts-expect-error text is no operand
    f.add("1");
    // @ts-expect-error options are an object
    f.sum(0);
    // @ts-expect-error no such activation
    matmul(f, f, { activation: "gelu" });
    // @ts-expect-error no such padding
    conv2d(f, f, { padding: "full" });
  });
});

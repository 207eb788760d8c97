import { describe, expectTypeOf, test } from "vitest";
import {
  add,
  arange,
  argMax,
  cast,
  conv2d,
  eye,
  full,
  matmul,
  mean,
  randn,
  sum,
  tensor,
  where,
  zeros,
  type DType,
  type NestedArray,
  type Tensor,
} from "nabla";

describe("creation", () => {
  test("the dtype of the data", () => {
    expectTypeOf(tensor([1, 2])).toEqualTypeOf<Tensor<"float32", 1>>();
    expectTypeOf(tensor([[1], [2]])).toEqualTypeOf<Tensor<"float32", 2>>();
    expectTypeOf(tensor(3)).toEqualTypeOf<Tensor<"float32", 0>>();
    expectTypeOf(tensor([])).toEqualTypeOf<Tensor<"float32", 1>>();
    expectTypeOf(tensor([[true]])).toEqualTypeOf<Tensor<"bool", 2>>();
    expectTypeOf(tensor(new Float64Array(1))).toEqualTypeOf<Tensor<"float64", 1>>();
    expectTypeOf(tensor(new Int32Array(1))).toEqualTypeOf<Tensor<"int32", 1>>();
    expectTypeOf(tensor(new Uint8Array(1))).toEqualTypeOf<Tensor<"uint8", 1>>();
    expectTypeOf(tensor([] as NestedArray)).toEqualTypeOf<Tensor<DType>>();
  });
  test("the dtype that is asked for", () => {
    expectTypeOf(tensor([1], { dtype: "int32" })).toEqualTypeOf<Tensor<"int32", 1>>();
    expectTypeOf(tensor(new Int32Array(1), { dtype: "float64", shape: [1, 1] })).toEqualTypeOf<Tensor<"float64", 2>>();
    expectTypeOf(tensor([1], { dtype: "bfloat16" })).toEqualTypeOf<Tensor<"bfloat16", 1>>();
    expectTypeOf(tensor(new Uint16Array(1), { dtype: "float16" })).toEqualTypeOf<Tensor<"float16", 1>>();
    expectTypeOf(tensor(new Uint16Array(6), { dtype: "float16", shape: [2, 3] })).toEqualTypeOf<Tensor<"float16", 2>>();
    expectTypeOf(zeros([2])).toEqualTypeOf<Tensor<"float32", 1>>();
    expectTypeOf(zeros([2, 3], { dtype: "bool" })).toEqualTypeOf<Tensor<"bool", 2>>();
    expectTypeOf(full([2], true)).toEqualTypeOf<Tensor<"bool", 1>>();
    expectTypeOf(full([], 3)).toEqualTypeOf<Tensor<"float32", 0>>();
    expectTypeOf(randn([2], { dtype: "float64" })).toEqualTypeOf<Tensor<"float64", 1>>();
    expectTypeOf(arange(3, { dtype: "int32" })).toEqualTypeOf<Tensor<"int32", 1>>();
    expectTypeOf(eye(3)).toEqualTypeOf<Tensor<"float32", 2>>();
    expectTypeOf(tensor([1], { requiresGrad: true })).toEqualTypeOf<Tensor<"float32", 1>>();
  });
  test("a shape of unknown length", () => {
    const shape: number[] = [2, 3];
    expectTypeOf(zeros(shape)).toEqualTypeOf<Tensor<"float32">>();
    expectTypeOf(tensor(new Float32Array(6), { shape })).toEqualTypeOf<Tensor<"float32">>();
  });
  test("wrong arguments", () => {
    // @ts-expect-error text is no data
    tensor("abc");
    // @ts-expect-error no such dtype
    tensor([1], { dtype: "float8" });
    // @ts-expect-error a Uint16Array holds the bits of bfloat16 and float16
    tensor(new Uint16Array(1), { dtype: "float32" });
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
    expectTypeOf(tensor([1], { dtype: "float16" }).dataSync()).toEqualTypeOf<Float32Array>();
    expectTypeOf(tensor([1]).bytesSync()).toEqualTypeOf<Uint8Array<ArrayBuffer>>();
    expectTypeOf(tensor([1]).item()).toEqualTypeOf<Promise<number>>();
  });
  test("the gradient has the tensor's dtype", () => {
    expectTypeOf(tensor([1]).grad).toEqualTypeOf<Tensor<"float32", 1> | null>();
  });
});

describe("ops", () => {
  const f = tensor([1]);
  const d = tensor(new Float64Array(1));
  const i = tensor(new Int32Array(1));
  const b = tensor([true]);

  test("promotion", () => {
    expectTypeOf(add(f, d)).toEqualTypeOf<Tensor<"float64", 1>>();
    expectTypeOf(f.mul(i)).toEqualTypeOf<Tensor<"float32", 1>>();
    expectTypeOf(i.sub(b)).toEqualTypeOf<Tensor<"int32", 1>>();
    expectTypeOf(b.add(b)).toEqualTypeOf<Tensor<"uint8", 1>>();
    expectTypeOf(i.div(i)).toEqualTypeOf<Tensor<"float32", 1>>();
    expectTypeOf(where(b, f, d)).toEqualTypeOf<Tensor<"float64", 1>>();
    expectTypeOf(matmul(f, d)).toEqualTypeOf<Tensor<"float64", 0>>();
  });
  test("halves", () => {
    const h = tensor([1], { dtype: "float16" });
    const w = tensor([1], { dtype: "bfloat16" });
    expectTypeOf(h.add(h)).toEqualTypeOf<Tensor<"float32", 1>>();
    expectTypeOf(h.add(w)).toEqualTypeOf<Tensor<"float32", 1>>();
    expectTypeOf(h.mul(d)).toEqualTypeOf<Tensor<"float64", 1>>();
    expectTypeOf(i.sub(w)).toEqualTypeOf<Tensor<"float32", 1>>();
    expectTypeOf(h.mul(2)).toEqualTypeOf<Tensor<"float32", 1>>();
    expectTypeOf(h.exp()).toEqualTypeOf<Tensor<"float32", 1>>();
    expectTypeOf(sum(h)).toEqualTypeOf<Tensor<"float32", 0>>();
    expectTypeOf(h.max()).toEqualTypeOf<Tensor<"float16", 0>>();
    expectTypeOf(h.reshape([1]).transpose().gather(0)).toEqualTypeOf<Tensor<"float16">>();
  });
  test("numbers", () => {
    expectTypeOf(f.mul(2)).toEqualTypeOf<Tensor<"float32", 1>>();
    expectTypeOf(add(1, d)).toEqualTypeOf<Tensor<"float64", 1>>();
    expectTypeOf(i.add(1)).toEqualTypeOf<Tensor<"float32" | "int32", 1>>();
  });
  test("dtypes that ops make", () => {
    expectTypeOf(f.equal(1)).toEqualTypeOf<Tensor<"bool", 1>>();
    expectTypeOf(argMax(f)).toEqualTypeOf<Tensor<"int32", 0>>();
    expectTypeOf(cast(f, "uint8")).toEqualTypeOf<Tensor<"uint8", 1>>();
    expectTypeOf(sum(b)).toEqualTypeOf<Tensor<"int32", 0>>();
    expectTypeOf(mean(i)).toEqualTypeOf<Tensor<"float32", 0>>();
    expectTypeOf(d.exp()).toEqualTypeOf<Tensor<"float64", 1>>();
    expectTypeOf(b.exp()).toEqualTypeOf<Tensor<"float32", 1>>();
    expectTypeOf(i.neg()).toEqualTypeOf<Tensor<"int32", 1>>();
    expectTypeOf(
      i
        .reshape([1])
        .transpose()
        .slice([[0, 1]]),
    ).toEqualTypeOf<Tensor<"int32", 1>>();
  });
  test("ranks", () => {
    const m = zeros([2, 3]);
    const batch = zeros([4, 2, 3]);
    expectTypeOf(m.shape).toEqualTypeOf<readonly [number, number]>();
    expectTypeOf(m.rank).toEqualTypeOf<2>();
    expectTypeOf(m.toArraySync()).toEqualTypeOf<number[][]>();
    expectTypeOf(b.toArray()).toEqualTypeOf<Promise<boolean[]>>();
    expectTypeOf(m.add(f)).toEqualTypeOf<Tensor<"float32", 2>>();
    expectTypeOf(f.sub(batch)).toEqualTypeOf<Tensor<"float32", 3>>();
    expectTypeOf(m.greater(f)).toEqualTypeOf<Tensor<"bool", 2>>();
    expectTypeOf(m.relu().transpose().softmax()).toEqualTypeOf<Tensor<"float32", 2>>();
    expectTypeOf(m.sum()).toEqualTypeOf<Tensor<"float32", 0>>();
    expectTypeOf(m.mean({ axis: 0, keepDims: true })).toEqualTypeOf<Tensor<"float32", 2>>();
    expectTypeOf(m.max({ axis: 0 })).toEqualTypeOf<Tensor<"float32">>();
    expectTypeOf(m.reshape([1, 2, 3])).toEqualTypeOf<Tensor<"float32", 3>>();
    expectTypeOf(m.flatten()).toEqualTypeOf<Tensor<"float32", 1>>();
    expectTypeOf(f.broadcastTo([2, 1])).toEqualTypeOf<Tensor<"float32", 2>>();
    expectTypeOf(m.matmul(m.transpose())).toEqualTypeOf<Tensor<"float32", 2>>();
    expectTypeOf(m.matmul(f)).toEqualTypeOf<Tensor<"float32", 1>>();
    expectTypeOf(batch.matmul(m)).toEqualTypeOf<Tensor<"float32", 3>>();
    expectTypeOf(m.detach()).toEqualTypeOf<Tensor<"float32", 2>>();
    expectTypeOf(m.cast("int32")).toEqualTypeOf<Tensor<"int32", 2>>();
    // @ts-expect-error a matrix has no third size
    void m.shape[2];
  });
  test("a tensor of some rank", () => {
    const some = f as Tensor<"float32">;
    expectTypeOf(some.shape).toEqualTypeOf<readonly number[]>();
    expectTypeOf(some.toArraySync()).toEqualTypeOf<NestedArray>();
    expectTypeOf(some.add(zeros([2, 2]))).toEqualTypeOf<Tensor<"float32">>();
    expectTypeOf(f).toExtend<Tensor<"float32">>();
    // @ts-expect-error some rank is not rank 2
    const matrix: Tensor<"float32", 2> = some;
    void matrix;
  });
  test("a tensor of some dtype", () => {
    const any = f as Tensor;
    expectTypeOf(any.dtype).toEqualTypeOf<DType>();
    expectTypeOf(any.add(any)).toExtend<Tensor>();
    expectTypeOf(f).toExtend<Tensor>();
    let w = f;
    w = w.sub(w.square().sum().mul(0.1));
    expectTypeOf(w).toEqualTypeOf<Tensor<"float32", 1>>();
  });
  test("wrong arguments", () => {
    // @ts-expect-error text is no operand
    f.add("1");
    // @ts-expect-error options are an object
    f.sum(0);
    // @ts-expect-error no such activation
    matmul(f, f, { activation: "softplus" });
    // @ts-expect-error no such padding
    conv2d(f, f, { padding: "full" });
  });
});

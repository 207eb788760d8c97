import { describe, expect, test } from "vitest";
import { add, checkGradients, gelu, matmul, ones, tensor, type DType, type Tensor } from "nabla";
import { cases, fused, halves, large, residuals, type MatmulAttributes } from "../cases/matmul.js";
import { matmul as reference } from "../reference/matmul.js";
import { round } from "../reference/half.js";
import { checkOp, expectClose } from "../support/check-op.js";
import { kernelsOf } from "../support/kernels.js";
import { draw, random } from "../support/values.js";
import { checkSecondDerivatives } from "../support/second-derivative.js";

const run = ([a, b, ...rest]: Tensor[], { activation = "none", bias, residual }: MatmulAttributes): Tensor =>
  matmul(a!, b!, {
    activation,
    ...(bias && { bias: rest[0]! }),
    ...(residual && { residual: rest.at(-1)! }),
  });

checkOp({
  op: "matmul",
  cases: [...cases, ...fused, ...residuals],
  run,
  reference,
  tolerance: { float32: 2e-5, float64: 1e-12 }, // sums of at most 67 products around 1
});

checkSecondDerivatives({
  op: "matmul with gelu or a residual",
  cases: [...fused, ...residuals].filter(
    ({ attrs, inputs }) =>
      attrs.activation !== "relu" &&
      (attrs.activation === "gelu" || attrs.residual) &&
      inputs.every(({ shape }) => !shape.includes(0)),
  ),
  run,
});

checkOp({
  op: "matmul of 16-bit operands",
  cases: halves,
  run,
  reference,
  dtypes: ["float32"],
  // Sums of at most 201 products around 1, which are exact themselves. The instruction for pairs of bfloat16 rounds each
  // of its two sums like an addition of float32; what it takes for 0 is below 1e-37.
  tolerance: { float32: 4e-5 },
});

checkOp({
  op: "matmul of large matrices",
  cases: large,
  run,
  reference,
  // K = 521 partial sums around sqrt(k), each rounded: a standard deviation of 1.3e-5, of which 1,813 elements see four.
  tolerance: { float32: 6e-5, float64: 1e-12 },
});

describe("gradients of an operand with several uses are added by the products", () => {
  const next = random("several uses");
  const make = (...shape: number[]): Tensor =>
    tensor(Float64Array.from(draw("normal", shape, next)), { shape, requiresGrad: true });
  type Use = [name: string, adds: number, f: (...inputs: Tensor[]) => Tensor, shapes: number[][]];
  const uses: Use[] = [
    [
      "three projections",
      0,
      (x, q, k, v) => matmul(matmul(x!, q!), matmul(x!, k!).transpose()).matmul(matmul(x!, v!)),
      [[5, 4], [4, 3], [4, 3], [4, 2]], // prettier-ignore
    ],
    [
      "three projections of a batch",
      0,
      (x, q, k, v) => matmul(matmul(x!, q!), matmul(x!, k!).permute([0, 2, 1])).matmul(matmul(x!, v!)),
      [[2, 5, 4], [4, 3], [4, 3], [4, 2]], // prettier-ignore
    ],
    [
      "a residual connection",
      0,
      (x, w, v) => matmul(matmul(x!, w!, { activation: "tanh" }), v!, { residual: x! }),
      [[2, 3, 4], [4, 7], [7, 4]], // prettier-ignore
    ],
    ["one row", 0, (x, w) => matmul(matmul(x!, w!), w!), [[1, 4], [4, 4]]], // prettier-ignore
    ["a matrix for each entry of a batch", 0, (x, w) => matmul(matmul(x!, w!), w!), [[2, 3, 4], [2, 4, 4]]], // prettier-ignore
    // Each of both sums is made over the batch first.
    ["axes that are broadcast", 1, (x, w, v) => matmul(x!, w!).mul(matmul(x!, v!)), [[3, 4], [2, 4, 4], [2, 4, 4]]], // prettier-ignore
    // One of both products cannot see what the other gives.
    ["both operands", 1, (x) => matmul(x!, x!), [[4, 4]]],
    ["both operands, and another op", 1, (x) => matmul(x!, x!).add(x!.exp()), [[4, 4]]],
    ["a gradient that is not in row-major order", 1, (x, w) => matmul(x!, w!).sum().add(x!.sum()), [[3, 4], [4, 2]]], // prettier-ignore
    ["an empty operand", 0, (x, w) => matmul(matmul(x!, w!), w!), [[2, 0, 4], [4, 4]]], // prettier-ignore
  ];
  test.each(uses)("%s", (_, adds, f, shapes) => {
    const inputs = shapes.map((shape) => make(...shape));
    expect(checkGradients(f, inputs, { order: 2 })).toBeLessThan(1e-6);
    const y = f(...inputs);
    const kernels = kernelsOf(() => y.backward(ones(y.shape, { dtype: "float64" })));
    expect(kernels.filter((name) => name === "add").length).toBe(adds);
  });
});

describe("matmul", () => {
  test("promotes float32 and float64", () => {
    const a = tensor([[1, 2]]);
    const b = tensor(new Float64Array([0.1, 0.2]), { shape: [2, 1] });
    expect(matmul(a, b)).toMatchObject({ dtype: "float64" });
    expect(matmul(a, b).itemSync()).toBeCloseTo(0.5, 12);
  });
  test("a bias that is a view", () => {
    const bias = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ])
      .transpose()
      .slice([[0, 1]])
      .squeeze();
    expect(matmul(tensor([[1]]), tensor([[0, 0]]), { bias }).toArraySync()).toEqual([[1, 4]]);
  });
  test("gradients of gradients, through bias and activation", () => {
    const x = tensor(new Float64Array([0.3, -0.2]), { shape: [1, 2] });
    const w = tensor(new Float64Array([0.5, 0.1]), { shape: [2, 1], requiresGrad: true });
    const y = matmul(x, w, { activation: "tanh" });
    y.backward(undefined, { createGraph: true });
    const first = w.grad!;
    w.grad = null;
    first.sum().backward();
    // d/dw of sum((1 - t^2) x) is -2 t (1 - t^2) x sum(x).
    const t = Math.tanh(0.13);
    const factor = -2 * t * (1 - t * t) * 0.1;
    expect(Array.from(w.grad!.dataSync())).toEqual([
      expect.closeTo(factor * 0.3, 12),
      expect.closeTo(factor * -0.2, 12),
    ]);
  });
  test("gradients of 16-bit operands are float32, through bias, gelu and residual", () => {
    const next = random("gradients of halves");
    const make = (shape: number[], dtype: DType): [operand: Tensor, leaf: Tensor, exact: Tensor] => {
      const values = draw("normal", shape, next).map((x) => round(x, "bfloat16"));
      const base = tensor(Float32Array.from(values), { shape, requiresGrad: true });
      const exact = tensor(Float32Array.from(values), { shape, requiresGrad: true });
      // A gradient passes through the cast to 16 bits.
      return [dtype === "float32" ? base : base.cast(dtype), base, exact];
    };
    for (const [left, right] of [
      ["bfloat16", "bfloat16"],
      ["bfloat16", "float32"],
      ["float32", "bfloat16"],
      ["bfloat16", "float16"],
    ] as const) {
      const [a, leafA, exactA] = make([2, 5, 7], left);
      const [b, leafB, exactB] = make([7, 19], right);
      const [bias, , exactBias] = make([19], "float32");
      const [residual, , exactResidual] = make([2, 5, 19], "float32");
      const y = matmul(a, b, { bias, activation: "gelu", residual });
      const exact = matmul(exactA, exactB, { bias: exactBias, activation: "gelu", residual: exactResidual });
      expect(y.dtype).toBe("float32");
      const weights = tensor(Float32Array.from(draw("normal", [2, 5, 19], next)), { shape: [2, 5, 19] });
      const leaves = [leafA, leafB, bias, residual];
      y.backward(weights);
      exact.backward(weights);
      [exactA, exactB, exactBias, exactResidual].forEach((x, i) => {
        expect(leaves[i]!.grad!.dtype).toBe("float32");
        // The same float32 products in another order: sums of at most 19 terms around 1.
        expectClose(leaves[i]!.grad!.dataSync(), x.grad!.dataSync(), 1e-5, `${left} ${right} input ${i}`);
      });
    }
  });
  test("16-bit operands: dtypes of results", () => {
    const half = tensor([[1, 2]], { dtype: "bfloat16" });
    const float = tensor([[3], [4]]);
    expect(matmul(half, float)).toMatchObject({ dtype: "float32" });
    expect(matmul(half, float).itemSync()).toBe(11);
    expect(matmul(half, float.cast("float64"))).toMatchObject({ dtype: "float64" });
    expect(matmul(half, half.transpose()).dtype).toBe("float32");
    const bias = tensor([1], { dtype: "float16" });
    expect(matmul(half, float, { bias, residual: tensor([[0.5]], { dtype: "bfloat16" }) }).itemSync()).toBe(12.5);
  });
  test("NaN and infinity in pairs of bfloat16", () => {
    const a = tensor(
      [
        [Infinity, 1, 0],
        [NaN, 1, 0],
        [1, 1, 1],
      ],
      { dtype: "bfloat16" },
    );
    const b = tensor(
      [
        [1, 2],
        [0, -Infinity],
        [1, 1],
      ],
      { dtype: "bfloat16" },
    );
    expect(Array.from(matmul(a, b).dataSync())).toEqual([Infinity, NaN, NaN, NaN, 2, -Infinity]);
  });
  test("gelu and residual are those of the ops alone", () => {
    const a = tensor([
      [0.5, -1],
      [2, 3],
    ]);
    const b = tensor([
      [1, 2, -3],
      [0.25, -1, 1],
    ]);
    const residual = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const alone = add(gelu(matmul(a, b)), residual);
    const fusedResult = matmul(a, b, { activation: "gelu", residual });
    expect(Array.from(fusedResult.dataSync())).toEqual(Array.from(alone.dataSync()));
    a.requiresGrad = true;
    const recorded = matmul(a, b, { activation: "gelu", residual });
    expect(Array.from(recorded.dataSync())).toEqual(Array.from(alone.dataSync()));
  });
  test("a residual that is a view, or the operand itself", () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    expect(matmul(x, x, { residual: x.transpose() }).toArraySync()).toEqual([
      [8, 13],
      [17, 26],
    ]);
    expect(matmul(x, x, { residual: x }).toArraySync()).toEqual([
      [8, 12],
      [18, 26],
    ]);
  });
  test("messages", () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    expect(() => matmul(x, x, { residual: tensor([1, 2]) })).toThrow(
      "matmul: the residual does not fit: it is [2], expected [2,2]",
    );
    expect(() => matmul(x, tensor([1, 2]), { residual: x })).toThrow(
      "matmul: the residual does not fit: it is [2,2], expected [2]",
    );
    expect(() => matmul(x, x, { residual: x.cast("int32") })).toThrow(
      "matmul: the residual is not floating-point: its dtype is int32, expected float32 or float64",
    );
    expect(() => matmul(x, x, { residual: 1 as unknown as Tensor })).toThrow("matmul: not a tensor: 1");
    expect(() => matmul(x, x, { activation: "gleu" as "gelu" })).toThrow("gelu");
  });
});

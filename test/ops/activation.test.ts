import { describe, expect, test } from "vitest";
import {
  ArgumentError,
  elu,
  gelu,
  isNaN,
  leakyRelu,
  memory,
  ones,
  rand,
  selu,
  silu,
  softplus,
  tensor,
  type DType,
  type Tensor,
} from "nabla";
import { cases } from "../cases/activation.js";
import { reference } from "../reference/activation.js";
import type { Nd } from "../reference/nd.js";
import { checkErrors } from "../support/check-errors.js";
import { checkOp, expectClose } from "../support/check-op.js";
import { checkSecondDerivative } from "../support/second-derivative.js";

const ops: Record<string, { run: (x: Tensor) => Tensor; reference: (inputs: readonly Nd[]) => Nd }> = {
  leakyRelu: { run: (x) => leakyRelu(x), reference: reference.leakyRelu() },
  "leakyRelu with slope -0.3": {
    run: (x) => leakyRelu(x, { negativeSlope: -0.3 }),
    reference: reference.leakyRelu(-0.3),
  },
  elu: { run: (x) => elu(x), reference: reference.elu() },
  "elu with alpha 2.5": { run: (x) => elu(x, { alpha: 2.5 }), reference: reference.elu(2.5) },
  selu: { run: selu, reference: reference.selu() },
  silu: { run: silu, reference: reference.silu() },
  gelu: { run: (x) => gelu(x), reference: reference.gelu() },
  "gelu by tanh": { run: (x) => gelu(x, { approximate: true }), reference: reference.gelu(true) },
  softplus: { run: softplus, reference: reference.softplus() },
};

for (const [op, { run, reference: expected }] of Object.entries(ops)) {
  checkOp({ op, cases, run: ([x]) => run(x!), reference: expected });
  const points = [-6.1, -2.7, -1.1, -0.3, 0.2, 0.9, 1.8, 3.3, 7.2];
  test(`${op}, second derivative`, () => checkSecondDerivative((x) => run(x), [[points.length]], points));
}

const numbers = (x: Tensor): number[] => Array.from(x.dataSync());

function slopes(op: (x: Tensor) => Tensor, values: number[], dtype: DType = "float32"): number[] {
  const x = tensor(values, { dtype, requiresGrad: true });
  op(x).sum().backward();
  return numbers(x.grad!);
}

describe.each(Object.entries(ops))("%s", (_, { run }) => {
  test.each(["float32", "float64"] as const)("gives NaN for NaN and nothing else, %s", (dtype) => {
    const values = numbers(run(tensor([NaN, Infinity, -Infinity, 1e38, -1e38], { dtype })));
    expect(values.map(Number.isNaN)).toEqual([true, false, false, false, false]);
  });
  test.each(["float32", "float64"] as const)("has finite slopes at infinity, %s", (dtype) => {
    expect(slopes(run, [Infinity, -Infinity, 1e38, -1e38], dtype).every(Number.isFinite)).toBe(true);
  });
  test("takes integers as float32", () => {
    const y = run(tensor([-2, 0, 3], { dtype: "int32" }));
    expect(y.dtype).toBe("float32");
    expect(numbers(y)).toEqual(numbers(run(tensor([-2, 0, 3]))));
    expect(run(tensor([true])).dtype).toBe("float32");
  });
  test("gives the same gradient for one number repeated and for a full gradient", () => {
    const x = rand([3, 37], { low: -3, high: 3, requiresGrad: true });
    run(x).sum().backward();
    const repeated = numbers(x.grad!);
    x.grad = null;
    run(x).backward(ones([3, 37]));
    expect(numbers(x.grad!)).toEqual(repeated);
  });
});

describe("precision of float32", () => {
  // Relative, where checkOp's tolerance is absolute below 1: 16 units in the last place.
  const points = [-12.5, -9, -6.3, -4.1, -3, -1.7, -0.6, -0.05, -1e-6, 1e-6, 0.3, 2.2, 6];
  test.each(["elu", "selu", "silu", "gelu", "softplus"])("%s keeps its digits on the negative side", (name) => {
    const float32 = points.map(Math.fround);
    const exact = numbers(ops[name]!.run(tensor(Float64Array.from(float32))));
    const got = numbers(ops[name]!.run(tensor(float32)));
    expectClose(
      got.map((value, i) => value / exact[i]!),
      got.map(() => 1),
      16 * 2 ** -23,
      "quotients",
    );
  });
  test("gelu of float64 in its tail", () => {
    // -10 Phi(-10), from tables of the normal distribution.
    expect(gelu(tensor([-10], { dtype: "float64" })).itemSync() / -7.61985302416052e-23).toBeCloseTo(1, 12);
  });
});

describe("at 0", () => {
  test("leakyRelu and elu have the slope of the negative side", () => {
    expect(slopes((x) => leakyRelu(x, { negativeSlope: 0.25 }), [0, -0])).toEqual([0.25, 0.25]);
    expect(slopes((x) => elu(x, { alpha: 3 }), [0, -0])).toEqual([3, 3]);
  });
  test("gelu and silu are half", () => {
    for (const op of [gelu, silu]) {
      expect(slopes((x) => op(x), [0, -0])).toEqual([0.5, 0.5]);
      expect(numbers(op(tensor([0, -0])))).toEqual([0, -0]);
    }
  });
});

describe("memory of gelu(x * w + b)", () => {
  test("its three results and nothing else is alive", () => {
    const [x, w] = [rand([64, 128]), rand([64, 128], { requiresGrad: true })];
    const b = rand([128], { requiresGrad: true });
    const before = memory();
    const product = x.mul(w);
    const bytes = memory().bytes - before.bytes;
    expect(bytes).toBeGreaterThanOrEqual(64 * 128 * 4);
    const sum = product.add(b);
    const y = sum.gelu();
    expect(memory().tensors - before.tensors).toBe(3);
    expect(memory().bytes - before.bytes).toBe(3 * bytes);
    for (const result of [product, sum, y]) result.dispose();
  });
  test("the engine takes three blocks and no scratch memory", () => {
    // Large, so that every block comes from the system by itself; nothing else here is.
    const shape = [4096, 128];
    const bytes = 4096 * 128 * 4;
    const [x, w, b] = [rand(shape), rand(shape, { requiresGrad: true }), rand([128])];
    for (const input of [x, w, b]) input.sum().itemSync();
    const before = memory().peakBytes;
    const sum = x.mul(w).add(b);
    const y = sum.gelu();
    y.sum().itemSync();
    const taken = memory().peakBytes - before;
    expect(taken).toBeGreaterThanOrEqual(3 * bytes);
    expect(taken).toBeLessThan(3.5 * bytes);
  });
});

checkErrors({
  activations: [
    [() => gelu([1] as never), ArgumentError, "gelu: not a tensor: [1], expected a Tensor"],
    [
      () => gelu(tensor([1]), { approximate: "tanh" as never }),
      ArgumentError,
      'gelu: approximate is wrong: "tanh", expected true or false',
    ],
    [
      () => gelu(tensor([1]), true as never),
      ArgumentError,
      "gelu: the options are not an object: true, expected { approximate }",
    ],
    [
      () => leakyRelu(tensor([1]), { alpha: 0.1 } as never),
      ArgumentError,
      'leakyRelu: unknown option: "alpha", expected one of negativeSlope',
    ],
    [
      () => leakyRelu(tensor([1]), { negativeSlope: NaN }),
      ArgumentError,
      "leakyRelu: negativeSlope is wrong: NaN, expected a finite number",
    ],
    [
      () => elu(tensor([1]), { alpha: "1" as never }),
      ArgumentError,
      'elu: alpha is wrong: "1", expected a finite number',
    ],
    [() => selu(3 as never), ArgumentError, "selu: not a tensor: 3, expected a Tensor"],
    [() => isNaN(3 as never), ArgumentError, "isNaN: not a tensor: 3, expected a Tensor"],
  ],
});

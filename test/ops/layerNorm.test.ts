import { describe, expect, test } from "vitest";
import { layerNorm, mean, randn, setSeed, square, tensor, type Tensor } from "nabla";
import { cases, extreme } from "../cases/layerNorm.js";
import { layerNorm as reference, type NormAttributes } from "../reference/layerNorm.js";
import { checkOp, expectClose } from "../support/check-op.js";
import { checkSecondDerivative } from "../support/second-derivative.js";

function run([x, ...rest]: Tensor[], { epsilon, axes, gamma, beta }: NormAttributes): Tensor {
  const axis = Array.from({ length: axes }, (_, i) => -1 - i);
  return layerNorm(x!, gamma ? rest[0] : null, beta ? rest[Number(gamma)] : null, { epsilon, axis });
}

// Sums of up to 521 numbers and a quotient by a deviation that may be 0.03 (the root of epsilon).
const tolerance = { float32: 1e-5, float64: 1e-12 };
checkOp({ op: "layerNorm", cases: [...cases, ...extreme], run, reference, tolerance });

/** The unfused form. */
function composed(x: Tensor, gamma: Tensor, beta: Tensor, epsilon = 1e-3): Tensor {
  const distance = x.sub(mean(x, { axis: -1, keepDims: true }));
  const variance = mean(square(distance), { axis: -1, keepDims: true });
  return distance.mul(variance.add(epsilon).rsqrt()).mul(gamma).add(beta) as Tensor;
}

const bytes = (data: Float32Array): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

describe("layerNorm", () => {
  test("is its unfused form", () => {
    setSeed(1);
    const inputs = [[67, 129], [129], [129]].map((shape) => randn(shape, { dtype: "float64", requiresGrad: true }));
    const dy = randn([67, 129], { dtype: "float64" });
    const results = [layerNorm, composed].map((op) => {
      const y = op(inputs[0]!, inputs[1]!, inputs[2]!);
      y.backward(dy);
      const gradients = inputs.map((input) => input.grad!.dataSync());
      for (const input of inputs) input.grad = null;
      return [y.dataSync(), ...gradients];
    });
    results[0]!.forEach((values, i) => expectClose(values, results[1]![i]!, 1e-12, `result ${i}`));
  });

  test("keeps its digits far from 0", () => {
    // The mean's own rounding, 2^-24 * 1e4, is all that may show.
    const x = tensor(Float32Array.from({ length: 1000 }, (_, i) => 1e4 + (i % 7)));
    const exact = layerNorm(x.cast("float64")).dataSync();
    expectClose(layerNorm(x).dataSync(), exact, 5e-4, "shifted row");
  });

  test("long rows and many rows are summed without loss of digits", () => {
    setSeed(2);
    for (const shape of [
      [2, 100_003],
      [20_011, 3],
    ]) {
      const wide = [shape, shape.slice(1), shape.slice(1)].map((s) => randn(s, { dtype: "float64" }));
      const dy = randn(shape, { dtype: "float64" });
      const [narrow, exact] = (["float32", "float64"] as const).map((dtype) => {
        const [x, gamma, beta] = wide.map((t) => {
          const copy = t.cast("float32").cast(dtype).detach();
          copy.requiresGrad = true;
          return copy;
        }) as [Tensor, Tensor, Tensor];
        // A large epsilon: without, three columns that are almost equal would magnify every rounding.
        const y = layerNorm(x, gamma, beta, { epsilon: 1 });
        y.backward(dy.cast("float32").cast(dtype));
        return [y, x.grad!, gamma.grad!, beta.grad!].map((t) => t.dataSync());
      });
      // Values around 1 to some roundings; sums of 20,011 terms of size 1 (deviation 141) to some of theirs.
      narrow!.forEach((values, i) => expectClose(values, exact![i]!, i < 2 ? 1e-5 : 1e-4, `${shape.join()}, ${i}`));
    }
  });

  test("a tensor that is written past the caches gets the same bits as its parts", () => {
    setSeed(3);
    // 17 MB.
    const [rows, columns] = [8600, 512];
    const whole = randn([rows, columns]);
    const dy = randn([rows, columns]);
    const gamma = randn([columns]);
    const compute = (from: number, to: number): Float32Array[] => {
      const x = whole
        .slice([[from, to]])
        .mul(1)
        .detach();
      x.requiresGrad = true;
      const y = layerNorm(x, gamma);
      y.backward(dy.slice([[from, to]]));
      return [y.dataSync() as Float32Array, x.grad!.dataSync() as Float32Array];
    };
    const all = compute(0, rows);
    for (const [from, to] of [
      [0, 5000],
      [5000, rows],
    ] as const) {
      const part = compute(from, to);
      for (const i of [0, 1]) {
        expect(Buffer.compare(bytes(all[i]!.subarray(from * columns, to * columns)), bytes(part[i]!))).toBe(0);
      }
    }
  });

  test.each([
    ["gamma and beta", [[3, 5], [5], [5]]],
    ["one row", [[4], [4], [4]]],
  ])("second derivatives: %s", (_, shapes) => {
    checkSecondDerivative((x, gamma, beta) => layerNorm(x, gamma, beta), shapes);
  });
  test("second derivatives: x, gamma or beta alone, two axes", () => {
    checkSecondDerivative((x) => layerNorm(x, null, null, { axis: [-2, -1] }), [[2, 2, 3]]);
    checkSecondDerivative((x, gamma) => layerNorm(x, gamma, null, { epsilon: 0.1 }), [[2, 3], [3]]);
    checkSecondDerivative((x, beta) => layerNorm(x, null, beta), [[2, 3], [3]]);
  });

  test("what does not need a gradient gets none", () => {
    const gamma = tensor([1, 2], { requiresGrad: true });
    const x = tensor([[1, 3]]);
    layerNorm(x, gamma).sum().backward();
    expect(x.grad).toBeNull();
    expectClose(gamma.grad!.dataSync(), [-1 / Math.sqrt(1.001), 1 / Math.sqrt(1.001)], 1e-6, "gamma");
  });

  test("is a method", () => {
    const x = tensor([[1, 2, 4]]);
    expect(x.layerNorm(null, null, { epsilon: 0 }).toArraySync()).toEqual(
      layerNorm(x, undefined, undefined, { epsilon: 0 }).toArraySync(),
    );
  });

  const x = tensor([
    [1, 2],
    [3, 4],
  ]);
  test.each<[string, () => unknown]>([
    ["layerNorm: gamma does not fit: it is [3], expected [2]: x is [2,2]", () => layerNorm(x, tensor([1, 2, 3]))],
    ["layerNorm: beta does not fit: it is [], expected [2]: x is [2,2]", () => layerNorm(x, null, tensor(1))],
    [
      "layerNorm: gamma's dtype does not fit: it is float64, x is float32",
      () => layerNorm(x, tensor([1, 2], { dtype: "float64" })),
    ],
    [
      "layerNorm: x is not floating-point: its dtype is int32, expected float32 or float64",
      () => layerNorm(x.cast("int32")),
    ],
    [
      "layerNorm: epsilon is wrong: -1, expected a number of 0 or more that is finite",
      () => layerNorm(x, null, null, { epsilon: -1 }),
    ],
    [
      "layerNorm: epsilon is wrong: NaN, expected a number of 0 or more that is finite",
      () => layerNorm(x, null, null, { epsilon: NaN }),
    ],
    [
      "layerNorm: the axes are not the last ones: they are [0], the tensor has 2 dimensions",
      () => layerNorm(x, null, null, { axis: 0 }),
    ],
    [
      "layerNorm: the axes are not the last ones: they are [], the tensor has 2 dimensions",
      () => layerNorm(x, null, null, { axis: [] }),
    ],
    ["layerNorm: axis 2 does not exist: the tensor has 2 dimensions", () => layerNorm(x, null, null, { axis: 2 })],
    ["layerNorm: axis -1 does not exist: the tensor has 0 dimensions", () => layerNorm(tensor(1))],
    ["layerNorm: axis 1 is named twice", () => layerNorm(x, null, null, { axis: [1, -1] })],
    ["layerNorm: not a tensor: 3, expected a Tensor", () => layerNorm(x, 3 as never)],
  ])("%s", (message, call) => expect(call).toThrow(message));
});

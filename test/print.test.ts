import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import { describe, expect, test, vi } from "vitest";
import { arange, randn, tensor, zeros, type DType } from "nabla";
import { currentStream } from "../src/ts/device.js";
import { toNumbers, type Number } from "./fixtures/torch/fixtures.js";

interface Printed {
  readonly dtype: DType;
  readonly shape: number[];
  readonly data: Number[];
  readonly text: string;
}

const numpy = JSON.parse(readFileSync(new URL("./fixtures/numpy_print.json", import.meta.url), "utf8")) as {
  cases: Printed[];
};

/** The text without its head line. */
const valuesOf = (text: string): string => text.replace(/^Tensor \w+ \[[\d,]*\] cpu[ \n]/, "");

describe("as NumPy prints arrays", () => {
  test("there are cases", () => expect(numpy.cases.length).toBeGreaterThan(90));
  test.each(numpy.cases.map((printed, i) => [i, printed.dtype, printed.shape.join(), printed] as const))(
    "case %i: %s [%s]",
    (_i, dtype, _shape, { shape, data, text }) => {
      expect(valuesOf(tensor(toNumbers(data), { shape, dtype }).toString())).toBe(text);
    },
  );
});

test.each([
  [() => tensor([1.5, -2]), "Tensor float32 [2] cpu [ 1.5 -2. ]"],
  [() => tensor([0.1, 1 / 3, 100]), "Tensor float32 [3] cpu [  0.1          0.33333334 100.        ]"],
  [() => tensor([0.1, 1 / 3], { dtype: "float64" }), "Tensor float64 [2] cpu [0.1        0.33333333]"],
  [() => tensor([1e-7, 0.1]), "Tensor float32 [2] cpu [1.e-07 1.e-01]"],
  [() => tensor([[1e300, 1e-300]], { dtype: "float64" }), "Tensor float64 [1,2] cpu [[1.e+300 1.e-300]]"],
  // Halfway between two numbers of eight places: to the even one.
  [() => tensor([2 ** -9, 3 * 2 ** -9]), "Tensor float32 [2] cpu [0.00195312 0.00585938]"],
  [() => tensor([-0, 0, 12]), "Tensor float32 [3] cpu [-0.  0. 12.]"],
  [() => tensor([NaN, -Infinity, 1.25]), "Tensor float32 [3] cpu [      NaN -Infinity      1.25]"],
  [() => tensor([NaN, 10.5]), "Tensor float32 [2] cpu [ NaN 10.5]"],
  [() => tensor([16777217, 0.5]), "Tensor float32 [2] cpu [1.6777216e+07 5.0000000e-01]"],
  [() => tensor([0.1, 2.5], { dtype: "bfloat16" }), "Tensor bfloat16 [2] cpu [0.1 2.5]"],
  [() => tensor([0.1, 65504], { dtype: "float16" }), "Tensor float16 [2] cpu [1.00e-01 6.55e+04]"],
  [() => tensor([true, false]), "Tensor bool [2] cpu [ true false]"],
  [() => tensor(new Uint8Array([1, 200])), "Tensor uint8 [2] cpu [  1 200]"],
  [() => tensor(0.1), "Tensor float32 [] cpu 0.1"],
  [() => tensor(3), "Tensor float32 [] cpu 3"],
  [() => tensor(-0), "Tensor float32 [] cpu -0"],
  [() => tensor(1e-7), "Tensor float32 [] cpu 1e-7"],
  [() => tensor(NaN), "Tensor float32 [] cpu NaN"],
  [() => tensor(true), "Tensor bool [] cpu true"],
  [() => zeros([0]), "Tensor float32 [0] cpu []"],
  [() => zeros([2, 0, 3]), "Tensor float32 [2,0,3] cpu []"],
])("%#", (make, text) => {
  expect(make().toString()).toBe(text);
  expect(inspect(make())).toBe(text);
});

test("a view, in brackets and columns", () => {
  const x = tensor([[1, 2], [3, -400]], { dtype: "int32" }).transpose(); // prettier-ignore
  expect(`${x}`).toBe("Tensor int32 [2,2] cpu\n[[   1    3]\n [   2 -400]]");
});

test("a blank line between matrices", () => {
  const values = "[[[0.   0.25]\n  [0.5  0.75]]\n\n [[1.   1.25]\n  [1.5  1.75]]]";
  expect(arange(0, 2, 0.25).reshape([2, 2, 2]).toString()).toBe(`Tensor float32 [2,2,2] cpu\n${values}`);
});

test("long rows are broken before column 75", () => {
  expect(
    inspect(arange(0, 56_000, 2000, { dtype: "int32" }).reshape([2, 14]))
      .split("\n")
      .slice(1),
  ).toEqual([
    "[[    0  2000  4000  6000  8000 10000 12000 14000 16000 18000 20000 22000",
    "  24000 26000]",
    " [28000 30000 32000 34000 36000 38000 40000 42000 44000 46000 48000 50000",
    "  52000 54000]]",
  ]);
});

describe("of more than 1000 elements, the edges", () => {
  test.each([
    [() => arange(1001), "[   0.    1.    2. ...  998.  999. 1000.]"],
    [
      () => arange(1500, { dtype: "int32" }).reshape([5, 300]),
      "[[   0    1    2 ...  297  298  299]\n [ 300  301  302 ...  597  598  599]\n [ 600  601  602 ...  897  898  899]\n" +
        " [ 900  901  902 ... 1197 1198 1199]\n [1200 1201 1202 ... 1497 1498 1499]]",
    ],
    [
      () => arange(1400, { dtype: "float64" }).reshape([200, 7]).transpose(),
      "[[0.000e+00 7.000e+00 1.400e+01 ... 1.379e+03 1.386e+03 1.393e+03]\n" +
        " [1.000e+00 8.000e+00 1.500e+01 ... 1.380e+03 1.387e+03 1.394e+03]\n" +
        " [2.000e+00 9.000e+00 1.600e+01 ... 1.381e+03 1.388e+03 1.395e+03]\n ...\n" +
        " [4.000e+00 1.100e+01 1.800e+01 ... 1.383e+03 1.390e+03 1.397e+03]\n" +
        " [5.000e+00 1.200e+01 1.900e+01 ... 1.384e+03 1.391e+03 1.398e+03]\n" +
        " [6.000e+00 1.300e+01 2.000e+01 ... 1.385e+03 1.392e+03 1.399e+03]]",
    ],
    [
      () => zeros([7, 1, 200], { dtype: "bool" }),
      `[${Array.from({ length: 7 }, (_, i) => (i === 3 ? "..." : "[[false false false ... false false false]]")).join("\n\n ")}]`,
    ],
  ])("%#", (make, text) => {
    const x = make();
    expect(x.toString()).toBe(`Tensor ${x.dtype} [${x.shape.join()}] cpu${text.includes("\n") ? "\n" : " "}${text}`);
  });

  test("nothing else is read", () => {
    const x = randn([300, 40, 50], { requiresGrad: true });
    const read = vi.spyOn(currentStream(), "readSync");
    const before = currentStream().liveStorages;
    const text = inspect(x);
    const elements = read.mock.results.reduce((sum, { value }) => sum + (value as Float32Array).length, 0);
    read.mockRestore();
    expect(elements).toBe(6 ** 3);
    expect(currentStream().liveStorages).toBe(before);
    expect(text.match(/\.\.\./g)!.length).toBe(1 + 6 + 36);
  });
});

test("inside other objects, and after dispose", () => {
  const x = tensor([1]);
  expect(inspect({ x })).toBe("{ x: Tensor float32 [1] cpu [1.] }");
  expect(inspect({ a: { b: { c: { x } } } }, { depth: 2 })).toBe("{ a: { b: { c: [Object] } } }");
  expect(inspect([x, [x]], { depth: 0 })).toBe("[ Tensor float32 [1] cpu (1 elements), [Array] ]");
  // Node.js indents the lines, from some version on.
  const text = inspect({ deep: { y: tensor([[1], [2]]) } }, { compact: false });
  expect(text.replaceAll(/^ +/gm, "")).toBe("{\ndeep: {\ny: Tensor float32 [2,1] cpu\n[[1.]\n[2.]]\n}\n}");
  expect(inspect(tensor([[1], [2]]), { depth: null })).toBe("Tensor float32 [2,1] cpu\n[[1.]\n [2.]]");
  x.dispose();
  expect(inspect(x)).toBe("Tensor float32 [1] cpu (disposed)");
  expect(x.toString()).toBe("Tensor float32 [1] cpu (disposed)");
});

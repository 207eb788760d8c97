import { describe, expect, test } from "vitest";
import { checkGradients, customGrad, grad, tensor, type Tensor } from "nabla";

const f64 = (...values: number[]): Tensor<"float64", 1> => tensor(Float64Array.from(values), { requiresGrad: true });
const values = (x: Tensor): number[] => Array.from(x.dataSync());

describe("customGrad", () => {
  test("the gradient is the given one", () => {
    const cutOff = customGrad({ forward: (x: Tensor) => x.cast("int32").cast("float64"), backward: (g) => g.mul(10) });
    const x = f64(1.5, -2.5);
    const y = cutOff(x);
    expect(values(y)).toEqual([1, -2]);
    y.backward(tensor(Float64Array.of(1, 2)));
    expect(values(x.grad!)).toEqual([10, 20]);
  });
  test("several inputs, one without a gradient", () => {
    const scaled = customGrad({
      forward: (x: Tensor, factor: Tensor) => x.mul(factor),
      backward: (g, { inputs: [, factor] }) => [g.mul(factor), null],
    });
    const [x, factor] = [f64(1, 2), f64(3, 4)];
    scaled(x, factor).sum().backward();
    expect(values(x.grad!)).toEqual([3, 4]);
    expect(factor.grad).toBeNull();
  });
  test("backward gets the output, and can be differentiated again", () => {
    const exp = customGrad({ forward: (x: Tensor) => x.exp(), backward: (g, { output }) => g.mul(output) });
    expect(checkGradients(exp, [f64(0.3, -1.2)], { order: 2 })).toBeLessThan(1e-6);
    const third = grad((x: Tensor) => grad((v: Tensor) => grad((u: Tensor) => exp(u).sum())(v).sum())(x).sum());
    expect(values(third(f64(0.5)))[0]).toBeCloseTo(Math.exp(0.5), 14);
  });
  test("an input that forward passes on as it is", () => {
    const reversed = customGrad({ forward: (x: Tensor) => x, backward: (g) => g.neg() });
    const x = f64(1, 2);
    reversed(x).sum().backward();
    expect(values(x.grad!)).toEqual([-1, -1]);
    expect(x.disposed).toBe(false);
  });
  test("without anything to differentiate it is forward", () => {
    const twice = customGrad({ forward: (x: Tensor) => x.mul(2), backward: (g) => g });
    expect(twice(tensor([1])).requiresGrad).toBe(false);
  });
});

describe("errors", () => {
  test("parts that are no functions", () => {
    expect(() => customGrad({ forward: (x: Tensor) => x } as never)).toThrow(
      "customGrad: backward is not a function: undefined, expected a function",
    );
    expect(() => customGrad(null as never)).toThrow(
      "customGrad: forward is not a function: undefined, expected a function",
    );
  });
  test("an input or result that is no tensor", () => {
    const none = customGrad({ forward: (...inputs: Tensor[]): Tensor => inputs.length as never, backward: (g) => g });
    expect(() => none(1 as never)).toThrow("customGrad: not a tensor: 1, expected a Tensor");
    expect(() => none()).toThrow("customGrad: not a tensor: 0, expected a Tensor");
  });
  test.each([
    [
      (): never => [] as never,
      "mine: backward gives another number of gradients: 0 gradients, expected 1, one for each input",
    ],
    [(): never => 5 as never, "mine: backward gives another number of gradients: 5, expected 1, one for each input"],
    [(g: Tensor): Tensor => g.sum(), "mine: the gradient of input 0 does not fit: it is [], the input is [2]"],
    [
      (g: Tensor): Tensor => g.cast("float32"),
      "mine: the gradient's dtype does not fit: it is float32, input 0 is float64",
    ],
  ])("a gradient that does not fit: %#", (backward, message) => {
    const op = customGrad({ forward: (x: Tensor) => x.mul(2), backward }, "mine");
    expect(() => op(f64(1, 2)).backward(tensor(Float64Array.of(1, 1)))).toThrow(message);
  });
  test("an integer result", () => {
    const op = customGrad({ forward: (x: Tensor) => x.cast("int32"), backward: (g) => g });
    expect(() => op(f64(1))).toThrow(
      "customGrad: the result is not floating-point: its dtype is int32, expected float32 or float64",
    );
  });
});

import { describe, expect, test } from "vitest";
import { AnomalyError, checkGradients, customGrad, memory, tensor, type Tensor } from "nabla";

const x = tensor([
  [0.5, -1.5, 2],
  [1.25, 0.75, -0.25],
]);

describe("checkGradients", () => {
  test("passes right gradients, of any inputs and results", () => {
    expect(checkGradients((a: Tensor, b: Tensor) => a.mul(b).tanh(), [x, x.detach()])).toBeLessThan(1e-8);
    expect(checkGradients((a: Tensor) => a.square().sum(), [x], { order: 2 })).toBeLessThan(1e-6);
  });
  test("passes other inputs as they are", () => {
    const indices = tensor([1, 0, 1], { dtype: "int32" });
    expect(checkGradients((a: Tensor, i: Tensor) => a.gather(i), [x, indices])).toBeLessThan(1e-8);
  });
  test("finds a wrong gradient", () => {
    const wrong = customGrad({ forward: (a: Tensor) => a.square(), backward: (g, { inputs: [a] }) => g.mul(a) });
    const message =
      /^checkGradients: a gradient is wrong: input 0 of \[2,3\] at 0 has \S+, expected \S+ to within 0.000001$/;
    expect(() => checkGradients(wrong, [x])).toThrow(AnomalyError);
    expect(() => checkGradients(wrong, [x])).toThrow(message);
  });
  test("finds a gradient that is missing", () => {
    expect(() => checkGradients((a: Tensor) => a.detach().mul(2), [x])).toThrow("a gradient is wrong: input 0");
  });
  test("finds a wrong second derivative", () => {
    const wrong = customGrad({
      forward: (a: Tensor) => a.square(),
      backward: (g, { inputs: [a] }) => g.mul(a.detach()).mul(2),
    });
    expect(checkGradients(wrong, [x])).toBeLessThan(1e-8);
    expect(() => checkGradients(wrong, [x], { order: 2 })).toThrow("a second derivative is wrong: input 0 of [2,3]");
  });
  test("moves so many elements as samples says", () => {
    let calls = 0;
    const counted = (a: Tensor): Tensor => {
      calls++;
      return a.sum();
    };
    checkGradients(counted, [x], { samples: 2 });
    expect(calls).toBe(1 + 2 * 2);
  });
  test("leaves nothing behind", () => {
    const w = tensor([1, 2, 3], { requiresGrad: true });
    const before = memory().tensors;
    checkGradients((a: Tensor) => a.mul(w).sum(), [x]);
    expect(w.grad).toBeNull();
    expect(memory().tensors).toBe(before);
  });
});

describe("errors", () => {
  const f = (a: Tensor): Tensor => a;
  test.each([
    [() => checkGradients(1 as never, [x]), "checkGradients: not a function: 1"],
    [() => checkGradients(f, x as never), "checkGradients: the inputs are not a list: Tensor"],
    [() => checkGradients(f, [1 as never]), "checkGradients: not a tensor: 1, expected a Tensor"],
    [
      () => checkGradients(f, [tensor([1], { dtype: "int32" })]),
      "checkGradients: no input is floating-point: there is nothing to differentiate",
    ],
    [
      () => checkGradients(f, [x], { samples: 0 }),
      "checkGradients: samples is out of range: 0, expected an integer of at least 1",
    ],
    [
      () => checkGradients(f, [x], { tolerance: "1" as never }),
      'checkGradients: tolerance is not a number: "1", expected a number',
    ],
  ])("%#", (run, message) => expect(run).toThrow(message));
});

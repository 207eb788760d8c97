import { describe, expect, it } from "vitest";
import { ArgumentError, NablaError, optimizers, tensor, zeros, type Tensor } from "nabla";
import { kerasOptimizers, type OptimizerCase } from "../fixtures/keras_optimizers.js";

type Options = Record<string, number | boolean>;

function make(name: string, options: Options, parameters: Tensor[]): optimizers.Optimizer {
  const Class = { SGD: optimizers.SGD, Adam: optimizers.Adam }[name]!;
  return new Class({ ...options, parameters });
}

/** One element's steps in float64, by the published formulas. */
function naive(name: string, options: Options, start: number, gradients: number[]): number {
  const option = (key: string, otherwise: number): number => Number(options[key] ?? otherwise);
  const rate = option("learningRate", name === "Adam" ? 0.001 : 0.01);
  const decay = option("weightDecay", 0);
  const [b1, b2] = [option("beta1", 0.9), option("beta2", 0.999)];
  let w = start;
  let m = 0;
  let v = 0;
  gradients.forEach((g, i) => {
    w -= rate * decay * w;
    if (name === "Adam") {
      m = b1 * m + (1 - b1) * g;
      v = b2 * v + (1 - b2) * g * g;
      const scale = (rate * Math.sqrt(1 - b2 ** (i + 1))) / (1 - b1 ** (i + 1));
      w -= (scale * m) / (Math.sqrt(v) + option("epsilon", 1e-7));
      return;
    }
    const momentum = option("momentum", 0);
    m = momentum * m - rate * g;
    w += options["nesterov"] ? momentum * m - rate * g : m;
  });
  return w;
}

const cases: [string, Options][] = [
  ["SGD", {}],
  ["SGD", { learningRate: 0.1, momentum: 0.9 }],
  ["SGD", { learningRate: 0.1, momentum: 0.9, nesterov: true }],
  ["SGD", { learningRate: 0.1, momentum: 0.5, weightDecay: 0.1 }],
  ["Adam", {}],
  ["Adam", { learningRate: 0.05, beta1: 0.8, beta2: 0.95, epsilon: 1e-3 }],
  ["Adam", { learningRate: 0.05, weightDecay: 0.1 }],
];

describe("steps agree with the formulas", () => {
  it.each(cases)("%s %j", (name, options) => {
    const shapes = [[], [1], [17], [3, 5]];
    for (const dtype of ["float32", "float64"] as const) {
      const parameters = shapes.map((shape) => zeros(shape, { dtype }).add(0.75));
      const optimizer = make(name, options, parameters);
      const gradients = [0.5, -0.25, 1e-3, 2];
      for (const gradient of gradients) {
        for (const parameter of parameters) parameter.grad = zeros(parameter.shape, { dtype }).add(gradient);
        optimizer.step();
        optimizer.zeroGrad();
      }
      const expected = naive(name, options, 0.75, gradients);
      // Four steps of a dozen roundings, in single or double precision.
      const tolerance = dtype === "float32" ? 3e-6 : 1e-14;
      for (const parameter of parameters) {
        expect(parameter.grad).toBeNull();
        for (const value of parameter.dataSync()) expect(Math.abs(value - expected)).toBeLessThanOrEqual(tolerance);
      }
      expect(optimizer.iterations).toBe(4);
    }
  });
});

describe("steps agree with Keras", () => {
  it.each(kerasOptimizers.optimizers.map((c) => [c.name, c] as [string, OptimizerCase]))("%s", (_, testCase) => {
    const parameters = testCase.parameters.map(({ shape, data }) => tensor(Float32Array.from(data), { shape }));
    const optimizer = make(testCase.optimizer, testCase.options, parameters);
    testCase.gradients.forEach((gradients, step) => {
      parameters.forEach((parameter, i) => {
        parameter.grad = tensor(Float32Array.from(gradients[i]!), { shape: parameter.shape });
      });
      optimizer.step();
      parameters.forEach((parameter, i) => {
        const expected = testCase.after[step]![i]!;
        // Both sides round to float32, a few times a step.
        parameter.dataSync().forEach((value, j) => expect(Math.abs(value - expected[j]!)).toBeLessThanOrEqual(2e-6));
      });
    });
    expect(testCase.gradients.length).toBeGreaterThan(0);
  });
  it("in several cases of each optimizer", () => {
    const names = kerasOptimizers.optimizers.map(({ optimizer }) => optimizer);
    expect(names.filter((name) => name === "SGD").length).toBeGreaterThan(1);
    expect(names.filter((name) => name === "Adam").length).toBeGreaterThan(1);
  });
});

describe("an own training loop", () => {
  it("finds the solution of a linear problem", async () => {
    const w = zeros([2, 1], { requiresGrad: true });
    const optimizer = new optimizers.Adam({ learningRate: 0.1, parameters: [w] });
    const x = tensor([
      [1, 0],
      [0, 1],
      [1, 1],
    ]);
    const y = tensor([[2], [-3], [-1]]);
    for (let i = 0; i < 300; i++) {
      optimizer.zeroGrad();
      x.matmul(w).sub(y).square().mean().backward();
      optimizer.step();
    }
    const [a, b] = await w.data();
    expect(a).toBeCloseTo(2, 3);
    expect(b).toBeCloseTo(-3, 3);
  });

  it("leaves parameters without a gradient alone, with their history", () => {
    const [a, b] = [tensor([1]), tensor([1])];
    const optimizer = new optimizers.SGD({ learningRate: 1, momentum: 0.5, parameters: [a, b] });
    a.grad = tensor([0.5]);
    b.grad = tensor([0.5]);
    optimizer.step();
    b.grad = null;
    optimizer.step();
    expect([a.itemSync(), b.itemSync()]).toEqual([-0.25, 0.5]);
    b.grad = tensor([0]);
    a.grad = null;
    optimizer.step();
    expect([a.itemSync(), b.itemSync()]).toEqual([-0.25, 0.25]);
  });

  it("may change the learning rate between steps", () => {
    const w = tensor([1]);
    const optimizer = new optimizers.SGD({ learningRate: 0.5, parameters: [w] });
    w.grad = tensor([1]);
    optimizer.step();
    optimizer.learningRate = 0.25;
    optimizer.step();
    expect(optimizer.learningRate).toBe(0.25);
    expect(w.itemSync()).toBe(0.25);
    expect(() => (optimizer.learningRate = NaN)).toThrow("SGD: learningRate is wrong: NaN");
    expect(optimizer.learningRate).toBe(0.25);
  });

  it("starts anew with other parameters, and keeps its history with the same", () => {
    const [a, b] = [tensor([1]), tensor([1])];
    const optimizer = new optimizers.Adam({ parameters: [a] });
    a.grad = tensor([1]);
    optimizer.step();
    optimizer.setParameters([a]);
    expect(optimizer.iterations).toBe(1);
    optimizer.setParameters([a, b]);
    expect(optimizer.iterations).toBe(0);
    expect(optimizer.parameters).toEqual([a, b]);
  });

  it("refuses to go on from a graph whose saved values a step has changed", () => {
    const w = zeros([2], { requiresGrad: true });
    const optimizer = new optimizers.SGD({ parameters: [w] });
    const loss = w.mul(w).sum();
    w.grad = tensor([1, 1]);
    optimizer.step();
    expect(() => loss.backward()).toThrow("a tensor that backward needs was changed in place");
  });
});

describe("wrong use", () => {
  const gone = zeros([1]);
  gone.dispose();
  const stepWith = (grad: Tensor): void => {
    const w: Tensor = zeros([2, 3]);
    w.grad = grad;
    new optimizers.SGD({ parameters: [w] }).step();
  };
  it.each([
    [
      () => new optimizers.Adam({ learningRate: NaN }),
      "Adam: learningRate is wrong: NaN, expected a number of 0 or more that is finite",
    ],
    [() => new optimizers.Adam({ learningRate: Infinity }), "Adam: learningRate is wrong: Infinity"],
    [() => new optimizers.Adam({ beta1: 1 }), "Adam: beta1 is wrong: 1, expected a number from 0 to below 1"],
    [() => new optimizers.Adam({ epsilon: -1 }), "Adam: epsilon is wrong: -1"],
    [() => new optimizers.Adam({ lr: 1 } as never), 'Adam: unknown option: "lr"'],
    [() => new optimizers.SGD({ momentum: -0.1 }), "SGD: momentum is wrong: -0.1"],
    [() => new optimizers.SGD({ nesterov: 1 as never }), "SGD: nesterov is wrong: 1, expected true or false"],
    [() => new optimizers.SGD({ weightDecay: NaN }), "SGD: weightDecay is wrong: NaN"],
    [
      () => new optimizers.SGD({ parameters: [1] as never }),
      "SGD: parameters is wrong: [1], expected an array of tensors",
    ],
    [() => new optimizers.SGD({ parameters: [gone] }), "SGD: the tensor was disposed"],
    [
      () => new optimizers.SGD({ parameters: [zeros([1], { dtype: "int32" })] }),
      "SGD: a parameter is not floating-point: it is int32",
    ],
    [() => new optimizers.SGD().step(), "SGD: there are no parameters: none were given"],
    [
      () => new optimizers.SGD({ parameters: [zeros([1])] }).step(),
      "SGD: there are no gradients: none of 1 parameters has one",
    ],
    [
      () => stepWith(zeros([3, 2])),
      "SGD: a gradient does not fit: it is float32 [3,2], the parameter is float32 [2,3]",
    ],
    [() => stepWith(zeros([2, 3], { dtype: "float64" })), "SGD: a gradient does not fit: it is float64 [2,3]"],
  ])("%# is refused", (use, message) => {
    expect(use).toThrow(NablaError);
    expect(use).toThrow(message);
  });

  it("changes nothing", () => {
    const w = zeros([1]);
    const optimizer = new optimizers.SGD({ parameters: [w] });
    expect(() => optimizer.step()).toThrow(ArgumentError);
    expect(optimizer.iterations).toBe(0);
  });
});

import { describe, expect, it } from "vitest";
import { optimizers, tensor, zeros, type Tensor } from "nabla";
import { kerasOptimizers, type OptimizerCase } from "../fixtures/keras_optimizers.js";
import { naive, type Options } from "./naive.js";

type Make = new (options: object) => optimizers.Optimizer;

function make(name: string, options: object): optimizers.Optimizer {
  const Class = (optimizers as unknown as Record<string, Make>)[name]!;
  return new Class(options);
}

const names = ["SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "AdamW", "Adamax", "Nadam", "Lion"];

const cases: [string, Options][] = [
  ...names.map((name): [string, Options] => [name, {}]),
  ...names.map((name): [string, Options] => [name, { learningRate: 0.05, weightDecay: 0.1 }]),
  ["SGD", { learningRate: 0.1, momentum: 0.9 }],
  ["SGD", { learningRate: 0.1, momentum: 0.9, nesterov: true }],
  ["SGD", { learningRate: 0.1, momentum: 0.5, nesterov: true, weightDecay: 0.1 }],
  ["RMSprop", { learningRate: 0.05, rho: 0.7, epsilon: 1e-3 }],
  ["RMSprop", { learningRate: 0.05, momentum: 0.8 }],
  ["RMSprop", { learningRate: 0.05, centered: true, epsilon: 1e-3 }],
  ["RMSprop", { learningRate: 0.05, centered: true, momentum: 0.8, epsilon: 1e-3 }],
  ["Adagrad", { learningRate: 0.05, initialAccumulatorValue: 0.5, epsilon: 1e-3 }],
  ["Adagrad", { learningRate: 0.05, initialAccumulatorValue: 0 }],
  ["Adadelta", { learningRate: 1, rho: 0.8, epsilon: 1e-3 }],
  ["Adam", { learningRate: 0.05, beta1: 0.8, beta2: 0.95, epsilon: 1e-3 }],
  ["Adam", { learningRate: 0.05, beta2: 0.5, amsgrad: true }],
  ["AdamW", { learningRate: 0.05, beta2: 0.5, amsgrad: true }],
  ["Adamax", { learningRate: 0.05, beta1: 0.8, beta2: 0.7, epsilon: 1e-3 }],
  ["Nadam", { learningRate: 0.05, beta1: 0.8, beta2: 0.95, epsilon: 1e-3 }],
  ["Lion", { learningRate: 0.05, beta1: 0.6, beta2: 0.7 }],
];

describe("steps agree with the formulas", () => {
  it.each(cases)("%s %j", (name, options) => {
    const shapes = [[], [1], [17], [3, 5], [0], [67]];
    for (const dtype of ["float32", "float64"] as const) {
      const parameters = shapes.map((shape) => zeros(shape, { dtype }).add(0.75));
      const optimizer = make(name, { ...options, parameters });
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

  it("for float32 and float64 parameters together, of which some have no elements", () => {
    const parameters: Tensor[] = [
      zeros([3], { dtype: "float64" }),
      zeros([0], { dtype: "float64" }),
      zeros([0, 2]),
      zeros([20_000]),
    ];
    for (const name of names) {
      const optimizer = make(name, { parameters, globalClipNorm: 1e6 });
      for (const parameter of parameters) parameter.grad = zeros(parameter.shape, { dtype: parameter.dtype }).add(0.5);
      const before = parameters.map((parameter) => parameter.dataSync()[0] ?? 0);
      optimizer.step();
      for (const at of [0, 3]) {
        const after = parameters[at]!.dataSync();
        const expected = naive(name, {}, before[at]!, [0.5]);
        // One step of float32 numbers below 0.1.
        expect(Math.max(...after.map((value) => Math.abs(value - expected)))).toBeLessThan(1e-8);
      }
    }
  });

  it("for Nadam after its history was dropped", () => {
    const parameters = [zeros([3])];
    const optimizer = new optimizers.Nadam({ parameters });
    const step = (): void => {
      parameters[0]!.grad = zeros([3]).add(1);
      optimizer.step();
    };
    step();
    step();
    const twice = parameters[0]!.dataSync()[0]!;
    optimizer.reset();
    step();
    const first = naive("Nadam", {}, 0, [1]);
    // Two float32 roundings of numbers below 0.01.
    expect(Math.abs(parameters[0]!.dataSync()[0]! - twice - first)).toBeLessThan(1e-9);
  });

  it("for steady gradients, whose variance rounds to less than 0", () => {
    const w = zeros([5]);
    const optimizer = new optimizers.RMSprop({ centered: true, parameters: [w] });
    for (let i = 0; i < 200; i++) {
      w.grad = zeros([5]).add(1234.567);
      optimizer.step();
    }
    for (const value of w.dataSync()) expect(Number.isFinite(value)).toBe(true);
  });

  it("and pass NaN on", () => {
    for (const name of names) {
      const w = zeros([3]);
      w.grad = tensor([1, NaN, -1]);
      make(name, { parameters: [w], clipValue: 0.5 }).step();
      expect([...w.dataSync()].map(Number.isNaN)).toEqual([false, true, false]);
    }
  });
});

describe("steps agree with Keras", () => {
  it.each(kerasOptimizers.optimizers.map((c) => [c.name, c] as [string, OptimizerCase]))("%s", (_, testCase) => {
    const { schedule } = testCase;
    const options: Record<string, unknown> = { ...testCase.options };
    if (schedule) options["learningRate"] = new optimizers.schedules.ExponentialDecay(schedule.options as never);
    const parameters = kerasOptimizers.parameters.map(({ shape, data }) => tensor(Float32Array.from(data), { shape }));
    const optimizer = make(testCase.optimizer, { ...options, parameters });
    kerasOptimizers.gradients.forEach((gradients, step) => {
      parameters.forEach((parameter, i) => {
        parameter.grad = tensor(Float32Array.from(gradients[i]!), { shape: parameter.shape });
      });
      optimizer.step();
      parameters.forEach((parameter, i) => {
        const expected = testCase.after[step]![i]!;
        // Both sides round to float32, a few times a step, values of up to 16.
        parameter
          .dataSync()
          .forEach((value, j) =>
            expect(Math.abs(value - expected[j]!)).toBeLessThanOrEqual(2e-6 + 4e-7 * Math.abs(value)),
          );
      });
    });
    expect(kerasOptimizers.gradients.length).toBeGreaterThan(0);
  });
  it("in several cases of each optimizer", () => {
    const few = names.filter((name) => kerasOptimizers.optimizers.filter((c) => c.optimizer === name).length < 2);
    expect(few).toEqual([]);
  });
});

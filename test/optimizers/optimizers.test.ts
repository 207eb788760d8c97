import { describe, expect, it } from "vitest";
import {
  ArgumentError,
  NablaError,
  Sequential,
  layers,
  optimizers,
  tensor,
  zeros,
  type OptimizerLike,
  type Tensor,
} from "nabla";

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

describe("the names that compile takes", () => {
  const { SGD, RMSprop, Adagrad, Adadelta, Adam, AdamW, Adamax, Nadam, Lion } = optimizers;
  const model = new Sequential([new layers.Dense({ units: 1, inputShape: [2] })]);
  const compile = (optimizer: OptimizerLike): void => model.compile({ optimizer, loss: "meanSquaredError" });
  it.each([
    ["sgd", SGD, 0.01],
    ["rmsprop", RMSprop, 0.001],
    ["adagrad", Adagrad, 0.001],
    ["adadelta", Adadelta, 0.001],
    ["adam", Adam, 0.001],
    ["adamw", AdamW, 0.001],
    ["adamax", Adamax, 0.001],
    ["nadam", Nadam, 0.001],
    ["lion", Lion, 0.001],
  ] as const)("%s", async (name, Class, learningRate) => {
    compile(name);
    expect(model.optimizer!.constructor).toBe(Class);
    expect(model.optimizer!.learningRate).toBe(learningRate);
    expect(model.optimizer!.weightDecay).toBe(name === "adamw" ? 0.004 : 0);
    const x = zeros([4, 2]).add(1);
    const before = model.weights[0]!.toArraySync();
    await model.fit(x, zeros([4, 1]).add(3), { epochs: 2, verbose: 0 });
    expect(model.optimizer!.iterations).toBe(2);
    expect(model.weights[0]!.toArraySync()).not.toEqual(before);
  });
  it("and suggest the nearest", () => {
    expect(() => compile("rms_prop" as never)).toThrow(
      'compile: unknown optimizer: "rms_prop", did you mean "rmsprop"?',
    );
    expect(() => compile("schedules" as never)).toThrow(
      "expected one of adadelta, adagrad, adam, adamax, adamw, lion,",
    );
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
    [() => new optimizers.Adam({ amsgrad: 1 as never }), "Adam: amsgrad is wrong: 1, expected true or false"],
    [() => new optimizers.AdamW({ beta2: -1 }), "AdamW: beta2 is wrong: -1"],
    [() => new optimizers.RMSprop({ rho: 1 }), "RMSprop: rho is wrong: 1, expected a number from 0 to below 1"],
    [() => new optimizers.RMSprop({ momentum: 1 }), "RMSprop: momentum is wrong: 1"],
    [() => new optimizers.RMSprop({ epsilon: -1 }), "RMSprop: epsilon is wrong: -1"],
    [() => new optimizers.RMSprop({ centered: 0 as never }), "RMSprop: centered is wrong: 0, expected true or false"],
    [
      () => new optimizers.Adagrad({ initialAccumulatorValue: -1 }),
      "Adagrad: initialAccumulatorValue is wrong: -1, expected a number of 0 or more that is finite",
    ],
    [() => new optimizers.Adagrad({ epsilon: -1 }), "Adagrad: epsilon is wrong: -1"],
    [() => new optimizers.Adadelta({ rho: NaN }), "Adadelta: rho is wrong: NaN"],
    [() => new optimizers.Adadelta({ epsilon: -1 }), "Adadelta: epsilon is wrong: -1"],
    [() => new optimizers.Adamax({ beta1: 1 }), "Adamax: beta1 is wrong: 1"],
    [() => new optimizers.Adamax({ beta2: 1 }), "Adamax: beta2 is wrong: 1"],
    [() => new optimizers.Adamax({ epsilon: -1 }), "Adamax: epsilon is wrong: -1"],
    [() => new optimizers.Nadam({ beta1: 1 }), "Nadam: beta1 is wrong: 1"],
    [() => new optimizers.Nadam({ beta2: 1 }), "Nadam: beta2 is wrong: 1"],
    [() => new optimizers.Nadam({ epsilon: -1 }), "Nadam: epsilon is wrong: -1"],
    [
      () => new optimizers.Lion({ beta1: 0 }),
      "Lion: beta1 is wrong: 0, expected a number above 0: the running mean would not count",
    ],
    [() => new optimizers.Lion({ beta2: 1 }), "Lion: beta2 is wrong: 1"],
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

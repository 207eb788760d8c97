import { describe, expect, it } from "vitest";
import {
  ArgumentError,
  IndexError,
  Input,
  Model,
  NablaError,
  Sequential,
  ShapeError,
  layers,
  losses,
  memory,
  tensor,
  zeros,
  type FitOptions,
  type Tensor,
} from "nabla";
import { classifier, quadrants, weightsOf } from "../support/quadrants.js";

const { Dense } = layers;

describe("errors in a step", () => {
  it("reject the promise and leave the weights as they were", async () => {
    const { x } = quadrants(64);
    const model = classifier();
    const before = weightsOf(model);
    // One batch, so that trainOnBatch does not know the labels: the step fails when it runs.
    await expect(model.trainOnBatch(x, tensor(new Int32Array(64).fill(9)))).rejects.toThrow(IndexError);
    expect(weightsOf(model)).toEqual(before);
    expect(model.weights.every((weight) => weight.grad === null)).toBe(true);
    await model.trainOnBatch(x, zeros([64], { dtype: "int32" }));
    expect(weightsOf(model)).not.toEqual(before);
  });

  it("thrown by a layer in the middle of training do the same", async () => {
    let calls = 0;
    class Fragile extends layers.Layer {
      call(x: Tensor): Tensor {
        if (++calls === 4) throw new Error("broken");
        return x;
      }
      override computeOutputShape(shape: layers.BatchShape): layers.BatchShape {
        return shape;
      }
    }
    const { x, y } = quadrants(64);
    const model = new Sequential([new Dense({ units: 4, inputShape: [2] }), new Fragile()]);
    model.compile({ optimizer: "sgd", loss: new losses.SparseCategoricalCrossentropy({ fromLogits: true }) });
    const { tensors } = memory();
    await expect(model.fit(x, y, { batchSize: 8, verbose: 0 })).rejects.toThrow("broken");
    expect(model.optimizer!.iterations).toBe(3);
    expect(model.weights.every((weight) => weight.grad === null)).toBe(true);
    // Constants that are kept for the next step, and one batch that the unfinished graph holds until it is collected.
    expect(memory().tensors).toBeLessThanOrEqual(tensors + 3);
    await model.fit(x, y, { batchSize: 8, verbose: 0 });
  });
});

describe("bad input is refused before anything changes", () => {
  const { x, y, labels } = quadrants(20);
  const wrongLabel = Int32Array.from(labels);
  wrongLabel[17] = 4;
  const options = (given: FitOptions): [Tensor, Tensor, FitOptions] => [x, y, given];
  it.each<[string, unknown[], new (...args: never[]) => Error, string]>([
    [
      "a label too large",
      [x, tensor(wrongLabel)],
      IndexError,
      "fit: label out of range: label 17 is 4, expected an integer from 0 to 3 for 4 classes",
    ],
    ["a negative label", [x, Array.from(labels, (v, i) => (i === 3 ? -1 : v))], IndexError, "label 3 is -1"],
    ["a fractional label", [x, Array.from(labels, (v, i) => (i === 3 ? 0.5 : v))], IndexError, "label 3 is 0.5"],
    ["a NaN label", [x, Array.from(labels, (v, i) => (i === 3 ? NaN : v))], IndexError, "label 3 is NaN"],
    ["a validation label", options({ validationData: [x, tensor(wrongLabel)] }), IndexError, "label 17 is 4"],
    [
      "different lengths",
      [x, y.slice([[0, 19]])],
      ArgumentError,
      "fit: x and y have different lengths: x has 20 samples, y has 19",
    ],
    [
      "validation of different lengths",
      options({ validationData: [x, labels.slice(1)] }),
      ArgumentError,
      "fit: validationData: x and y have different lengths: x has 20 samples, y has 19",
    ],
    [
      "targets of another shape",
      [x, zeros([20, 4])],
      ShapeError,
      "fit: the targets do not fit the model: y is [20,4], the output is [null,4]",
    ],
    [
      "samples of another shape",
      [zeros([20, 3]), y],
      ShapeError,
      "the input does not fit: its shape is [20,3], expected […,*,2]",
    ],
    ["no samples", [zeros([0, 2]), zeros([0])], ArgumentError, "fit: there are no samples: the shape of x is [0,2]"],
    ["a number for x", [3, y], ArgumentError, "fit: x is wrong: 3, expected a tensor or arrays of numbers"],
    ["nothing for y", [x, undefined], ArgumentError, "fit: y is wrong: undefined"],
    [
      "ragged arrays",
      [
        [[1, 2], [3]],
        [0, 1],
      ],
      NablaError,
      "tensor: ",
    ],
    ["epochs", options({ epochs: 1.5 }), ArgumentError, "fit: epochs is wrong: 1.5, expected a positive integer"],
    ["epochs", options({ epochs: 0 }), ArgumentError, "fit: epochs is wrong: 0, expected a positive integer"],
    ["batchSize", options({ batchSize: 0 }), ArgumentError, "fit: batchSize is wrong: 0, expected a positive integer"],
    [
      "batchSize",
      options({ batchSize: NaN }),
      ArgumentError,
      "fit: batchSize is wrong: NaN, expected a positive integer",
    ],
    [
      "validationSplit",
      options({ validationSplit: 1 }),
      ArgumentError,
      "fit: validationSplit is wrong: 1, expected a number from 0 to below 1",
    ],
    ["validationSplit", options({ validationSplit: NaN }), ArgumentError, "fit: validationSplit is wrong: NaN"],
    [
      "an empty part",
      options({ validationSplit: 0.99 }),
      ArgumentError,
      "fit: validationSplit leaves one part empty: 0.99 of 20 samples",
    ],
    [
      "validationData",
      options({ validationData: x as never }),
      ArgumentError,
      "fit: validationData is wrong: Tensor, expected [x, y], [x, y, sampleWeight] or a dataset",
    ],
    [
      "too few weights",
      options({ sampleWeight: new Float32Array(19) }),
      ArgumentError,
      "fit: x and sampleWeight have different lengths: x has 20 samples, sampleWeight has 19",
    ],
    [
      "too few weights of the validation",
      options({ validationData: [x, y, new Float32Array(21)] }),
      ArgumentError,
      "fit: validationData: x and sampleWeight have different lengths: x has 20 samples, sampleWeight has 21",
    ],
    [
      "weights of another shape",
      options({ sampleWeight: zeros([20, 4]) }),
      ShapeError,
      "fit: the sample weights do not fit the model: their shape is [20,4], expected [null]",
    ],
    [
      "a number for weights",
      options({ sampleWeight: 3 }),
      ArgumentError,
      "fit: sampleWeight is wrong: 3, expected a tensor or arrays of numbers",
    ],
    [
      "several weights for one output",
      options({ sampleWeight: [zeros([20]), zeros([20])] }),
      ArgumentError,
      "fit: the number of sample weights differs: 2 given",
    ],
    [
      "both kinds of weights",
      options({ sampleWeight: zeros([20]), classWeight: { 1: 2 } }),
      ArgumentError,
      "fit: sampleWeight and classWeight are both given: expected one of them",
    ],
    [
      "a class that is none",
      options({ classWeight: { one: 2 } as never }),
      ArgumentError,
      "fit: classWeight[one] is wrong: 2, expected an integer class with a finite weight of 0 or more",
    ],
    ["a negative weight", options({ classWeight: { 1: -2 } }), ArgumentError, "fit: classWeight[1] is wrong: -2"],
    [
      "no weights",
      options({ classWeight: {} }),
      ArgumentError,
      "fit: classWeight is wrong: Object, expected an object",
    ],
    [
      "weights in an array",
      options({ classWeight: [1, 2] }),
      ArgumentError,
      "fit: classWeight is wrong: [1,2], expected an object such as { 0: 1, 1: 5 }",
    ],
    ["shuffle", options({ shuffle: 1 as never }), ArgumentError, "fit: shuffle is wrong: 1, expected true or false"],
    [
      "verbose",
      options({ verbose: 3 as never }),
      ArgumentError,
      'fit: verbose is wrong: 3, expected 0, 1, 2 or "auto"',
    ],
    [
      "signal",
      options({ signal: {} as never }),
      ArgumentError,
      "fit: signal is wrong: Object, expected an AbortSignal",
    ],
    [
      "callbacks",
      options({ callbacks: {} as never }),
      ArgumentError,
      "fit: callbacks is wrong: Object, expected an array of objects",
    ],
    ["initialEpoch", options({ initialEpoch: -1 }), ArgumentError, "fit: initialEpoch is out of range: -1"],
    [
      "an unknown option",
      options({ epoch: 3 } as never),
      ArgumentError,
      'fit: unknown option: "epoch", did you mean "epochs"?',
    ],
  ])("%s", async (_, args, type, message) => {
    const model = classifier();
    const before = weightsOf(model);
    const failure = await model.fit(...(args as Parameters<Sequential["fit"]>)).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(type);
    expect((failure as Error).message).toContain(message);
    expect(weightsOf(model)).toEqual(before);
    expect(model.optimizer!.iterations).toBe(0);
  });

  it("by evaluate, predict and trainOnBatch too", async () => {
    const model = classifier();
    await expect(model.evaluate(x, tensor(wrongLabel))).rejects.toThrow("evaluate: label out of range: label 17 is 4");
    await expect(model.evaluate(x, y, { batchSize: -1 })).rejects.toThrow("evaluate: batchSize is wrong: -1");
    await expect(model.evaluate(x, y, { sampleWeight: [1] })).rejects.toThrow(
      "evaluate: x and sampleWeight have different lengths: x has 20 samples, sampleWeight has 1",
    );
    await expect(model.predict(x, { batchSize: 0.5 })).rejects.toThrow("predict: batchSize is wrong: 0.5");
    await expect(model.predict(zeros([5, 3]))).rejects.toThrow("expected […,*,2]");
    await expect(model.trainOnBatch(x, labels.slice(1))).rejects.toThrow(
      "trainOnBatch: x and y have different lengths",
    );
    await expect(model.trainOnBatch(x, zeros([20, 2]))).rejects.toThrow(
      "trainOnBatch: the targets do not fit the model",
    );
  });
});

it("classWeight is refused for several outputs", async () => {
  const input = Input({ shape: [2] });
  const outputs = [new Dense({ units: 1 }).apply(input), new Dense({ units: 1 }).apply(input)];
  const model = new Model<Tensor, readonly Tensor[]>({ inputs: input, outputs });
  model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
  const y = zeros([4, 1]);
  await expect(model.fit(zeros([4, 2]), [y, y], { classWeight: { 0: 2 } })).rejects.toThrow(
    "fit: classWeight is for models of one output: this one has 2, give a sampleWeight for each output",
  );
});

describe("compile", () => {
  const model = new Sequential([new Dense({ units: 1, inputShape: [2] })]);
  it.each<[string, unknown, string]>([
    [
      "optimizer",
      { optimizer: "adem", loss: "meanSquaredError" },
      'compile: unknown optimizer: "adem", did you mean "adam"?',
    ],
    [
      "loss",
      { optimizer: "sgd", loss: "mean_squared_error" },
      'compile: unknown loss: "mean_squared_error", did you mean "meanSquaredError"?',
    ],
    [
      "loss",
      { optimizer: "sgd", loss: "crossentropies" },
      'compile: unknown loss: "crossentropies", expected one of sparseCategoricalCrossentropy, ',
    ],
    ["loss", { optimizer: "sgd" }, "compile: loss is wrong: undefined, expected a name or an instance of Loss"],
    [
      "metric",
      { optimizer: "sgd", loss: "meanSquaredError", metrics: ["acuracy"] },
      'compile: unknown metric: "acuracy", did you mean "accuracy"?',
    ],
    [
      "metrics",
      { optimizer: "sgd", loss: "meanSquaredError", metrics: "accuracy" },
      'compile: metrics is wrong: "accuracy", expected an array',
    ],
    [
      "metrics",
      { optimizer: "sgd", loss: "meanSquaredError", metrics: ["accuracy", "accuracy"] },
      'compile: two figures have the name "accuracy"',
    ],
    [
      "option",
      { optimiser: "sgd", loss: "meanSquaredError" },
      'compile: unknown option: "optimiser", did you mean "optimizer"?',
    ],
  ])("refuses an unknown %s", (_, options, message) => {
    expect(() => model.compile(options as never)).toThrow(ArgumentError);
    expect(() => model.compile(options as never)).toThrow(message);
    expect(model.optimizer).toBeNull();
  });

  it("must come before fit and evaluate", async () => {
    await expect(model.fit(zeros([1, 2]), zeros([1]))).rejects.toThrow("fit: the model is not compiled: call compile");
    await expect(model.evaluate(zeros([1, 2]), zeros([1]))).rejects.toThrow("evaluate: the model is not compiled");
    await expect(model.trainOnBatch(zeros([1, 2]), zeros([1]))).rejects.toThrow(ArgumentError);
  });
});

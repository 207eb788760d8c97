import { expect, it } from "vitest";
import { Input, Model, Sequential, layers, optimizers, tensor, type CompileOptions, type Tensor } from "nabla";
import type { AnyModel } from "../../src/ts/models/model.js";
import { expectClose } from "../support/check-op.js";
import { readKeras, setWeights, toTensor, valuesOf, type Numbers } from "../support/keras.js";

interface Case {
  name: string;
  weights: Numbers[];
  x: Numbers;
  y: Numbers[];
  sampleWeight: Numbers[] | null;
  classWeight: Record<number, number> | null;
  validationWeight: Numbers | null;
  history: Record<string, number[]>;
  evaluated: Record<string, number>;
  predictions: Numbers[];
}

const { Dense, Embedding } = layers;
const { cases } = readKeras<{ cases: Case[] }>("keras_weights");

const classifier = (): Sequential => new Sequential([new Dense({ units: 3, activation: "softmax", inputShape: [3] })]);

const sequence = (): Sequential =>
  new Sequential([
    new Embedding({ inputDim: 5, outputDim: 3, maskZero: true, inputShape: [4] }),
    new Dense({ units: 2 }),
  ]);

function twoOutputs(): Model<Tensor, readonly Tensor[]> {
  const x = Input({ shape: [3] });
  const price = new Dense({ units: 1, name: "price" }).apply(x);
  const kind = new Dense({ units: 3, activation: "softmax", name: "kind" }).apply(x);
  return new Model<Tensor, readonly Tensor[]>({ inputs: x, outputs: [price, kind] });
}

type Losses = Omit<CompileOptions, "optimizer">;
const sparse = { loss: "sparseCategoricalCrossentropy" } as const;
const accuracy = { metrics: ["accuracy"] } as const;
const both = ["meanSquaredError", "sparseCategoricalCrossentropy"] as const;

/** The models of test/fixtures/keras_weights.py. */
const models: Record<string, () => [unknown, Losses]> = {
  samples: () => [classifier(), { ...sparse, ...accuracy }],
  "labels by class": () => [classifier(), { ...sparse, ...accuracy }],
  "one-hot by class": () => [classifier(), { loss: "categoricalCrossentropy" }],
  "column by class": () => [classifier(), sparse],
  "steps of masked sequences": () => [sequence(), { loss: "meanSquaredError" }],
  "one for two outputs": () => [twoOutputs(), { loss: both }],
  "each its own": () => [twoOutputs(), { loss: both, lossWeights: [1, 0.5] }],
  validation: () => [classifier(), sparse],
};

const only = <T>(list: readonly T[]): T | readonly T[] => (list.length === 1 ? list[0]! : list);
const camelCase = (name: string): string => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

it("has a model for each case of Keras", () => {
  expect(cases.map(({ name }) => name)).toEqual(Object.keys(models));
});

it.each(cases.map((each) => [each.name, each] as const))("weighs as Keras does: %s", async (name, given) => {
  const [made, losses] = models[name]!();
  const model = made as AnyModel;
  setWeights(model, given.weights);
  model.compile({ optimizer: new optimizers.SGD({ learningRate: 0.1 }), ...losses });
  const x = toTensor(given.x);
  const y = only(given.y.map((each) => (name === "one-hot by class" ? toTensor(each) : targets(each))));
  const sampleWeight = given.sampleWeight ? only(given.sampleWeight.map(toTensor)) : undefined;
  const { history } = await model.fit(x, y, {
    epochs: 3,
    batchSize: 4,
    shuffle: false,
    verbose: 0,
    ...(sampleWeight && { sampleWeight }),
    ...(given.classWeight && { classWeight: given.classWeight }),
    ...(given.validationWeight && { validationData: [x, y, toTensor(given.validationWeight)] }),
  });
  // Six decimals are stored; the steps amplify float32's rounding a little.
  for (const [figure, expected] of Object.entries(given.history)) {
    expect(expected).toHaveLength(3);
    expectClose(history[camelCase(figure)]!, expected, 5e-6, figure);
  }
  const evaluated = await model.evaluate(x, y, { batchSize: 4, verbose: 0, ...(sampleWeight && { sampleWeight }) });
  for (const [figure, expected] of Object.entries(given.evaluated)) {
    expectClose([evaluated[camelCase(figure)]!], [expected], 5e-6, figure);
  }
  const predictions = [await model.predict(x)].flat() as Tensor[];
  expect(predictions).toHaveLength(given.predictions.length);
  for (const [i, expected] of given.predictions.entries()) {
    expectClose(await predictions[i]!.data(), valuesOf(expected), 1e-5, `output ${i}`);
  }
});

/** Labels are integers; other targets stay as they are. */
function targets(given: Numbers): Tensor {
  const values = valuesOf(given);
  const isLabels = values.every((value) => Number.isInteger(value) && value >= 0);
  return isLabels ? tensor(Int32Array.from(values), { shape: given.shape }) : toTensor(given);
}

import { expect, it } from "vitest";
import { Input, Model, layers, optimizers, tensor, type Tensor } from "nabla";
import { expectClose } from "../support/check-op.js";
import { readKeras, setWeights, toTensor, valuesOf, type Numbers } from "../support/keras.js";

interface Fixture {
  cases: [
    {
      layers: string[];
      weights: Numbers[];
      x: Numbers[];
      y: Numbers[];
      history: Record<string, number[]>;
      predictions: Numbers[];
    },
  ];
}

const { Add, Concatenate, Dense } = layers;
const [fixture] = readKeras<Fixture>("keras_functional").cases;

/** The graph of test/fixtures/keras_functional.py. */
function build(): Model<readonly Tensor[], readonly Tensor[]> {
  const [a, b] = [Input({ shape: [3], name: "a" }), Input({ shape: [3], name: "b" })];
  const shared = new Dense({ units: 4, activation: "tanh", name: "shared" });
  const z = Input({ shape: [4], name: "z" });
  const inside = new Dense({ units: 4, activation: "relu", name: "inside" });
  const inner = new Model({ inputs: z, outputs: inside.apply(z), name: "inner" });
  const both = new Concatenate({ name: "both" }).apply([shared.apply(a), inner.apply(shared.apply(b))]);
  const total = new Add({ name: "total" }).apply([shared.apply(a), shared.apply(b)]);
  const price = new Dense({ units: 1, name: "price" }).apply(both);
  const kind = new Dense({ units: 3, activation: "softmax", name: "kind" }).apply(total);
  return new Model<readonly Tensor[], readonly Tensor[]>({ inputs: [a, b], outputs: [price, kind], name: "graph" });
}

it("a graph has its layers in Keras' order, and trains as Keras trains it", async () => {
  const model = build();
  expect(model.layers.map(({ name }) => name)).toEqual(fixture.layers);
  setWeights(model, fixture.weights);
  model.compile({
    optimizer: new optimizers.Adam({ learningRate: 0.05 }),
    loss: ["meanSquaredError", "sparseCategoricalCrossentropy"],
    lossWeights: [1, 0.25],
  });
  const x = fixture.x.map(toTensor);
  const [price, kind] = fixture.y;
  const y = [toTensor(price!), tensor(Int32Array.from(valuesOf(kind!)))];
  const { history } = await model.fit(x, y, { epochs: 8, batchSize: 6, shuffle: false, verbose: 0 });
  // Six decimals are stored, and eight steps of Adam amplify float32's rounding a little.
  for (const [ours, theirs] of [
    ["loss", "loss"],
    ["priceLoss", "price_loss"],
    ["kindLoss", "kind_loss"],
  ] as const) {
    expect(fixture.history[theirs]).toHaveLength(8);
    expectClose(history[ours]!, fixture.history[theirs]!, 5e-6, ours);
  }
  const predictions = await model.predict(x);
  for (const [i, expected] of fixture.predictions.entries()) {
    expectClose(await predictions[i]!.data(), valuesOf(expected), 2e-5, `output ${i}`);
  }
});

// Networks are trained on the device "cuda" as a program does it, and follow the CPU. `npm run test:cuda` takes that of
// this machine, and with --emulated an emulated one; without it, another copy of the CPU's engine stands for the device.
import "./support/cuda.js";
import { describe, expect, test } from "vitest";
import {
  Sequential,
  devices,
  initializers,
  layers,
  losses,
  optimizers,
  randint,
  randn,
  setSeed,
  tensor,
  tidy,
  withDevice,
  type Device,
  type Tensor,
} from "nabla";

/**
 * How far a loss may be from the CPU's, which is around 2. Sums are added in another order, so gradients differ by some
 * roundings of float32 (6e-8 each), and Adam divides them by their own size: a gradient that is nearly 0 may take its step
 * another way, of 1e-3 at most, but such weights hardly matter to the loss. Over 20 steps Keras stays within 1e-4 too.
 */
const TOLERANCE = 1e-4;

interface Run {
  readonly history: Readonly<Record<string, readonly number[]>>;
  readonly predictions: Tensor;
}

async function expectToFollow(train: () => Promise<Run>): Promise<void> {
  const run = (device: Device): Promise<Run> => {
    setSeed(8);
    return withDevice(device, train);
  };
  const [here, there] = [await run("cpu"), await run("cuda")];
  expect([here.predictions.device, there.predictions.device]).toEqual(["cpu", "cuda"]);
  expect(Object.keys(there.history)).toEqual(Object.keys(here.history));
  for (const name of ["loss", "valLoss"]) {
    const [own, expected] = [there.history[name]!, here.history[name]!];
    expect(own).toHaveLength(expected.length);
    own.forEach((loss, epoch) => {
      expect(Math.abs(loss - expected[epoch]!), `${name} of epoch ${epoch}`).toBeLessThanOrEqual(TOLERANCE);
    });
    expect(own.at(-1)!, `${name} falls`).toBeLessThan(own[0]!);
  }
  const expected = await here.predictions.data();
  (await there.predictions.data()).forEach((p, i) => {
    expect(Math.abs(p - expected[i]!), `prediction ${i}`).toBeLessThanOrEqual(10 * TOLERANCE);
  });
}

test("there is a device", () => {
  const cuda = devices()[1]!;
  expect(cuda).toMatchObject({ device: "cuda", available: true });
});

describe("training on cuda follows the CPU", () => {
  test("a convolutional network", async () => {
    const [size, classes, count] = [12, 4, 48];
    await expectToFollow(async () => {
      const model = new Sequential([
        new layers.Conv2D({ filters: 8, kernelSize: 3, activation: "relu", inputShape: [size, size, 1] }),
        new layers.MaxPooling2D({ poolSize: 2 }),
        new layers.Conv2D({ filters: 8, kernelSize: 3, activation: "relu" }),
        new layers.MaxPooling2D({ poolSize: 2 }),
        new layers.Flatten(),
        new layers.Dense({ units: 16, activation: "relu" }),
        new layers.Dense({ units: classes, activation: "softmax" }),
      ]);
      model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
      // Each class has an image, to which noise is added.
      const [x, y] = withDevice("cpu", () => {
        const labels = randint([count], { high: classes });
        return [
          tidy(() =>
            randn([classes, size, size, 1])
              .gather(labels)
              .add(randn([count, size, size, 1], { deviation: 0.5 })),
          ),
          labels,
        ];
      });
      const { history } = await model.fit(x, y, { epochs: 3, batchSize: 8, validationSplit: 0.25, verbose: 0 });
      return { history, predictions: await model.predict(x.slice([[0, 8]])) };
    });
  });

  test("a transformer, with dropout and an own schedule", async () => {
    const [length, alphabet, count] = [8, 12, 32];
    await expectToFollow(async () => {
      const embeddingsInitializer = new initializers.RandomUniform({ minval: -1, maxval: 1 });
      const model = new Sequential([
        new layers.Embedding({ inputDim: alphabet, outputDim: 16, embeddingsInitializer, inputShape: [null] }),
        new layers.PositionalEncoding(),
        new layers.TransformerDecoderBlock({
          numHeads: 2,
          intermediateDim: 32,
          activation: "gelu",
          normalizeFirst: true,
          dropout: 0.1,
        }),
        new layers.LayerNormalization(),
        new layers.Dense({ units: alphabet }),
      ]);
      const learningRate = new optimizers.schedules.CosineDecay({ initialLearningRate: 5e-3, decaySteps: 12 });
      model.compile({
        optimizer: new optimizers.AdamW({ learningRate, globalClipNorm: 1 }),
        loss: new losses.SparseCategoricalCrossentropy({ fromLogits: true }),
      });
      // Count upwards, from any number.
      const rows = Array.from({ length: count }, (_, i) =>
        Array.from({ length: length + 1 }, (_v, j) => (5 * i + j) % alphabet),
      );
      const x = tensor(
        rows.map((row) => row.slice(0, -1)),
        { dtype: "int32" },
      );
      const y = tensor(
        rows.map((row) => row.slice(1)),
        { dtype: "int32" },
      );
      const { history } = await model.fit(x, y, { epochs: 3, batchSize: 8, validationData: [x, y], verbose: 0 });
      return { history, predictions: await model.predict(x.slice([[0, 4]])) };
    });
  });
});

import { describe, expect, it } from "vitest";
import { Sequential, layers, oneHot, tensor, type Tensor } from "nabla";
import { expectClose } from "../support/check-op.js";
import { readKeras, setWeights, toTensor, valuesOf, type Numbers } from "../support/keras.js";

interface Case {
  layer: string;
  options: Record<string, unknown>;
  mask: boolean[][] | null;
  weights: Numbers[];
  calls: { x: Numbers; initialState: Numbers[]; results: Numbers[] }[];
}
interface Training {
  losses: number[];
  accuracies: number[];
}
interface Batch {
  x: Tensor;
  y: Tensor;
}

/** Recurrent layers and trainings as Keras did them: test/fixtures/keras_recurrent.py. */
const keras = readKeras<{
  cases: Case[];
  training: {
    stacked: Training;
    padded: Training & { weights: Numbers[]; batches: { x: Numbers; y: Numbers }[] };
  };
}>("keras_recurrent");

/** Both sides compute in float32: five steps of a few dozen roundings, of values around 1. */
const TOLERANCE = 2e-6;

const units = 4;
const recurrent = { LSTM: layers.LSTM, GRU: layers.GRU, SimpleRNN: layers.SimpleRNN };
type Kind = keyof typeof recurrent;

function makeLayer({ layer, options }: Case): layers.Layer<Tensor, Tensor | Tensor[]> {
  if (layer === "Masking") return new layers.Masking(options);
  if (layer === "TimeDistributed") {
    return new layers.TimeDistributed({ layer: new layers.Dense({ units, activation: "tanh" }) });
  }
  if (layer === "Bidirectional") {
    const { layer: kind, mergeMode, ...rest } = options;
    const inner = new recurrent[kind as Kind]({ units, ...rest });
    return new layers.Bidirectional({ layer: inner, mergeMode: mergeMode as layers.MergeMode });
  }
  return new recurrent[layer as Kind]({ units, ...options });
}

describe("layers give what Keras gives", () => {
  it("in many cases", () => expect(keras.cases.length).toBeGreaterThan(60));
  it.each(
    keras.cases.map((entry, i) => [i, entry.layer, JSON.stringify(entry.options), entry.mask !== null, entry] as const),
  )("%i %s %s, masked: %s", (_, __, ___, ____, entry) => {
    const layer = makeLayer(entry);
    layer.build([null, ...entry.calls[0]!.x.shape.slice(1)]);
    setWeights(layer, entry.weights);
    const mask = entry.mask && tensor(entry.mask);
    for (const { x, initialState, results } of entry.calls) {
      const states = initialState.length > 0 ? { initialState: initialState.map(toTensor) } : {};
      const given = layer.apply(toTensor(x), { mask, ...states });
      const list = Array.isArray(given) ? given : [given];
      expect(list.map(({ shape }) => shape)).toEqual(results.map(({ shape }) => shape));
      list.forEach((y, i) => expectClose(y.dataSync(), valuesOf(results[i]!), TOLERANCE, `result ${i}`));
      const shape = layer.computeOutputShape(x.shape);
      expect(Array.isArray(shape[0]) ? shape : [shape]).toEqual(results.map((result) => result.shape));
    }
  });
});

/** Multiples of 2^-15 in [-1, 1), from the index alone, as `hashed` of the script computes them. */
function hashed(seed: number, shape: readonly number[]): Tensor {
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => {
    let mixed = Math.imul(i + seed * 1_000_003, 2654435761);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 2246822519);
    return (mixed >>> 16) / 32768 - 1;
  });
  return tensor(data, { shape });
}

describe("training follows Keras over 20 steps", () => {
  /** The loss and the accuracy of each step. */
  async function trained(model: Sequential, batches: Batch[]): Promise<Training> {
    const [losses, accuracies]: number[][] = [[], []];
    for (const { x, y } of batches) {
      const logs = await model.trainOnBatch(x, y);
      losses!.push(logs["loss"]!);
      accuracies!.push(logs["accuracy"]!);
    }
    return { losses: losses!, accuracies: accuracies! };
  }

  function expectToFollow({ losses, accuracies }: Training, wanted: Training): void {
    expect(losses).toHaveLength(20);
    // Rounding, which Adam enlarges where gradients are tiny.
    expectClose(losses, wanted.losses, 1e-4, "losses");
    expectClose(accuracies, wanted.accuracies, 1e-5, "accuracies");
  }

  it("two stacked LSTMs of 64 units", async () => {
    const [timesteps, inputDim, outputDim] = [12, 10, 6];
    const model = new Sequential([
      new layers.LSTM({ units: 64, returnSequences: true, inputShape: [timesteps, inputDim] }),
      new layers.LSTM({ units: 64, returnSequences: true }),
      new layers.Dense({ units: outputDim, activation: "softmax" }),
    ]);
    model.compile({ optimizer: "adam", loss: "categoricalCrossentropy", metrics: ["accuracy"] });
    model.weights.forEach((weight, i) => void weight.assign(hashed(i, weight.shape).div(8)));
    const batches = Array.from({ length: 20 }, (_, step) => {
      const x = hashed(100 + step, [32, timesteps, inputDim]);
      const largest = x.slice([null, null, [0, outputDim]]).argMax({ axis: -1 });
      return { x, y: oneHot(largest, outputDim) };
    });
    expectToFollow(await trained(model, batches), keras.training.stacked);
  });

  it("an LSTM on padded tokens", async () => {
    const model = new Sequential([
      new layers.Embedding({ inputDim: 11, outputDim: 3, maskZero: true, inputShape: [5] }),
      new layers.LSTM({ units: 8, returnSequences: true }),
      new layers.Dense({ units: 3, activation: "softmax" }),
    ]);
    model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
    const { weights, batches, ...training } = keras.training.padded;
    setWeights(model, weights);
    const tensors = batches.map(({ x, y }) => ({ x: toTensor(x), y: toTensor(y) }));
    expectToFollow(await trained(model, tensors), training);
  });
});

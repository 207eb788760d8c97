// Models on another device than the current one.
import "./support/cuda.js";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import {
  DeviceError,
  Model,
  Sequential,
  io,
  layers,
  loadModel,
  memory,
  optimizers,
  rand,
  randint,
  setSeed,
  tensor,
  withDevice,
  zeros,
  type Device,
  type Tensor,
} from "nabla";
import { restingTensors } from "./support/leaks.js";

const folder = mkdtempSync(join(tmpdir(), "nabla-device-"));
afterAll(() => rmSync(folder, { recursive: true }));

const devicesOf = (tensors: readonly Tensor[]): Device[] => [...new Set(tensors.map(({ device }) => device))];

function small(): Sequential {
  const model = new Sequential([
    new layers.Dense({ name: "hidden", units: 8, activation: "relu", inputShape: [4] }),
    new layers.Dropout({ rate: 0.2 }),
    new layers.BatchNormalization({ name: "normalization" }),
    new layers.Dense({ name: "output", units: 3, activation: "softmax" }),
  ]);
  model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
  return model;
}

setSeed(5);
const x = rand([50, 4]);
const y = randint([50], { high: 3 });

/** The losses of three epochs. */
async function losses(model: Sequential, data: readonly [Tensor, Tensor] = [x, y]): Promise<number[]> {
  setSeed(6);
  const { history } = await model.fit(...data, { epochs: 3, batchSize: 16, verbose: 0, validationSplit: 0.2 });
  return [...history["loss"]!, ...history["valLoss"]!];
}

function seeded<T>(make: () => T): T {
  setSeed(4);
  return make();
}

describe("training", () => {
  test.each<[string, () => Sequential, readonly [Tensor, Tensor]]>([
    ["made on cuda, data on the CPU", () => withDevice("cuda", small), [x, y]],
    ["moved to cuda", () => small().to("cuda"), [x, y]],
    ["data on cuda", () => withDevice("cuda", small), [x.to("cuda"), y.to("cuda")]],
    ["labels on cuda, model on the CPU", small, [x, y.to("cuda")]],
  ])("%s", async (_, make, data) => {
    const expected = await losses(seeded(small));
    const model = seeded(make);
    const { device } = model.weights[0]!;
    expect(await losses(model, data)).toEqual(expected);
    expect(devicesOf([...model.weights, ...model.optimizer!.history!.flat()])).toEqual([device]);
    const predicted = await model.predict(data[0]);
    expect([predicted.device, predicted.shape]).toEqual([device, [50, 3]]);
    const logs = await model.evaluate(...data, { verbose: 0 });
    expect(logs).toEqual(await model.evaluate(x.toArraySync(), y.toArraySync(), { verbose: 0 }));
  });
  test("of a model that is built by its data", async () => {
    const make = (): Sequential => new Sequential([new layers.Dense({ units: 3, activation: "softmax" })]);
    for (const model of [withDevice("cuda", make).to("cuda"), make().to("cuda")]) {
      model.compile({ optimizer: "sgd", loss: "sparseCategoricalCrossentropy" });
      await model.trainOnBatch(x, y);
      expect(devicesOf(model.weights)).toEqual(["cuda"]);
    }
    const inside = await withDevice("cuda", () => {
      const model = make();
      model.compile({ optimizer: "sgd", loss: "sparseCategoricalCrossentropy" });
      return model.fit(x, y, { verbose: 0 }).then(() => model);
    });
    expect(devicesOf(inside.weights)).toEqual(["cuda"]);
  });
  test("of a class of one's own, which makes tensors on its way", async () => {
    class Shifted extends Model {
      readonly dense = new layers.Dense({ units: 3 });
      override call(input: Tensor): Tensor {
        return this.dense.apply(input.add(zeros([4]))).softmax();
      }
    }
    const model = new Shifted().to("cuda");
    model.compile({ optimizer: "sgd", loss: "sparseCategoricalCrossentropy" });
    const { history } = await model.fit(x, y, { epochs: 2, verbose: 0 });
    expect(history["loss"]![1]).toBeLessThan(history["loss"]![0]!);
    expect(model.apply(x.to("cuda")).device).toBe("cuda");
  });
  test("leaves nothing behind", async () => {
    const model = withDevice("cuda", small);
    await losses(model);
    await restingTensors();
    const before = [memory("cpu").tensors, memory("cuda").tensors];
    await losses(model);
    await restingTensors();
    withDevice("cuda", () => memory());
    expect(memory("cpu").tensors).toBe(before[0]);
    expect(memory("cuda").tensors - before[1]!).toBeLessThanOrEqual(0);
  });
  test("own loops", () => {
    const model = withDevice("cuda", small);
    const optimizer = new optimizers.Adam({ parameters: model.parameters(), globalClipNorm: 1 });
    const there = x.to("cuda");
    for (let i = 0; i < 2; i++) {
      optimizer.zeroGrad();
      model.apply(there, { training: true }).square().mean().backward();
      optimizer.step();
    }
    expect(devicesOf(model.parameters().map(({ grad }) => grad!))).toEqual(["cuda"]);
  });
});

describe("layers of a model on cuda", () => {
  const cases: Record<string, [() => layers.Layer, Tensor]> = {
    "LSTM, stateful, with dropout": [
      () =>
        new layers.LSTM({ units: 3, stateful: true, dropout: 0.5, recurrentDropout: 0.5 }) as unknown as layers.Layer,
      rand([2, 4, 3]),
    ],
    "GRU both ways": [
      () => new layers.Bidirectional({ layer: new layers.GRU({ units: 3 }) }) as unknown as layers.Layer,
      rand([2, 4, 3]),
    ],
    PositionalEncoding: [() => new layers.PositionalEncoding(), rand([2, 4, 6])],
    SpatialDropout2D: [() => new layers.SpatialDropout2D({ rate: 0.5 }), rand([2, 4, 4, 3])],
    "Embedding with a mask": [
      () => new layers.Embedding({ inputDim: 5, outputDim: 3, maskZero: true }),
      randint([2, 4], { high: 5 }),
    ],
    TransformerEncoderBlock: [
      () => new layers.TransformerEncoderBlock({ numHeads: 2, intermediateDim: 8 }),
      rand([2, 4, 6]),
    ],
    SeparableConv2D: [() => new layers.SeparableConv2D({ filters: 2, kernelSize: 3 }), rand([2, 4, 4, 3])],
    PReLU: [() => new layers.PReLU(), rand([2, 3])],
    UpSampling2D: [() => new layers.UpSampling2D(), rand([2, 2, 2, 1])],
  };
  test.each(Object.entries(cases))("%s", (_, [make, input]) => {
    const layer = make();
    const given = input.to("cuda");
    const first = layer.apply(given, { training: true });
    expect(first.device).toBe("cuda");
    expect(devicesOf(layer.weights)).toEqual(layer.weights.length > 0 ? ["cuda"] : []);
    if (first.requiresGrad) first.mul(first).sum().backward();
    layer.to("cpu");
    expect(layer.apply(input).device).toBe("cpu");
    expect(devicesOf(layer.weights)).toEqual(layer.weights.length > 0 ? ["cpu"] : []);
  });
});

describe("to", () => {
  test("moves values, gradients and the optimizer's history", async () => {
    const model = seeded(small);
    const other = seeded(small);
    await losses(model);
    await losses(other);
    model.to("cuda").to("cpu").to("cuda");
    expect(model.weights.map((w) => w.toArraySync())).toEqual(other.weights.map((w) => w.toArraySync()));
    expect(await losses(model)).toEqual(await losses(other));
    const layer = model.layers[0]!;
    layer.apply(x.to("cuda")).sum().backward();
    layer.to("cpu");
    expect(layer.weights.map(({ grad, device }) => [grad?.device, device])).toEqual([
      ["cpu", "cpu"],
      ["cpu", "cpu"],
    ]);
  });
  test("backward through what was computed before is an error", () => {
    const dense = new layers.Dense({ units: 2 });
    const loss = dense.apply(tensor([[1, 2]], { requiresGrad: true })).sum();
    dense.to("cuda");
    expect(() => loss.backward()).toThrow("a tensor that backward needs was changed in place");
  });
  test("errors", async () => {
    const model = small();
    expect(() => model.to("gpu" as never)).toThrow('to: there is no device "gpu": expected "cpu" or "cuda"');
    expect(() => model.to(undefined as never)).toThrow("to: not a device: undefined");
    const training = losses(model);
    expect(() => model.to("cuda")).toThrow(`to: ${model.name} is training or evaluating: await that first`);
    await training;
    const layer = model.layers[0]!.to("cuda");
    expect(() => layer.apply(x)).toThrow(
      new DeviceError(
        `${layer.name}: the input is on another device: it is on cpu, the weights on cuda: move it with x.to("cuda"), or the layer with to("cpu")`,
      ),
    );
  });
});

describe("files", () => {
  test("a model is loaded onto the current device, and goes on as it would have", async () => {
    const path = join(folder, "model.safetensors");
    const model = seeded(() => withDevice("cuda", small));
    await losses(model);
    await model.save(path);
    const [onCpu, onCuda] = [await loadModel(path), await withDevice("cuda", () => loadModel(path))];
    const all = (loaded: typeof onCpu): Tensor[] => [...loaded.weights, ...loaded.optimizer!.history!.flat()];
    expect([devicesOf(all(onCpu)), devicesOf(all(onCuda))]).toEqual([["cpu"], ["cuda"]]);
    const expected = await losses(model);
    expect(await losses(onCpu as never)).toEqual(expected);
    expect(await losses(onCuda as never)).toEqual(expected);
  });
  test("weights go to where the model is", async () => {
    const path = join(folder, "weights.safetensors");
    const model = seeded(small);
    await model.saveWeights(path);
    const other = withDevice("cuda", small);
    await other.loadWeights(path);
    expect(devicesOf(other.weights)).toEqual(["cuda"]);
    expect(other.weights.map((w) => w.toArraySync())).toEqual(model.weights.map((w) => w.toArraySync()));
    other.setWeights(model.weights.map((weight) => weight.add(1)));
    expect(other.weights.map((w) => w.toArraySync())).toEqual(model.weights.map((w) => w.add(1).toArraySync()));
    expect(devicesOf(other.weights)).toEqual(["cuda"]);
  });
  test("safetensors of any dtype", async () => {
    const path = join(folder, "tensors.safetensors");
    const tensors = new Map(
      (["float32", "bfloat16", "uint8"] as const).map((dtype) => [dtype, x.cast(dtype).to("cuda")]),
    );
    await io.saveSafetensors(path, tensors);
    const { tensors: there } = await withDevice("cuda", () => io.loadSafetensors(path));
    const { tensors: here } = await io.loadSafetensors(path);
    expect([devicesOf([...there.values()]), devicesOf([...here.values()])]).toEqual([["cuda"], ["cpu"]]);
    for (const [name, value] of here) expect(there.get(name)!.bytesSync()).toEqual(value.bytesSync());
  });
  test("layers-models", async () => {
    const path = join(folder, "layers-model");
    const model = withDevice("cuda", small);
    await io.saveLayersModel(model, path);
    const loaded = await withDevice("cuda", () => io.loadLayersModel(join(path, "model.json")));
    expect(devicesOf(loaded.weights)).toEqual(["cuda"]);
    expect(loaded.weights.map((w) => w.toArraySync())).toEqual(model.weights.map((w) => w.toArraySync()));
  });
});

import { spawn } from "node:child_process";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  ArgumentError,
  FormatError,
  Input,
  Model,
  Sequential,
  initializers,
  io,
  layers,
  loadModel,
  losses,
  metrics,
  optimizers,
  randn,
  setSeed,
  tensor,
  type Tensor,
} from "nabla";
import { workFolder } from "../support/safetensors.js";

const { BatchNormalization, Dense, Dropout, LSTM } = layers;
const { folder, at } = workFolder();
const compiled = fileURLToPath(new URL("../../dist/index.js", import.meta.url));
const script = fileURLToPath(new URL("../support/save-forever.mjs", import.meta.url));

const bits = async (x: Tensor): Promise<number[]> => [...(await x.bytes())];

function classifier(): Sequential {
  return new Sequential(
    [
      new Dense({ units: 8, activation: "relu", kernelInitializer: "heNormal", inputShape: [4], name: "first" }),
      new BatchNormalization({ name: "norm" }),
      new Dropout({ rate: 0.25, name: "drop" }),
      new Dense({ units: 3, activation: "softmax", name: "last" }),
    ],
    { name: "net" },
  );
}

function data(): { x: Tensor; y: Int32Array } {
  return { x: randn([48, 4]), y: Int32Array.from({ length: 48 }, (_, i) => i % 3) };
}

/** Two inputs, a shared layer, options of a call, a list of outputs, and a model inside. */
function branched(): Model<readonly Tensor[], readonly Tensor[]> {
  const a = Input({ shape: [5, 2], name: "a" });
  const b = Input({ shape: [3, 2], name: "b" });
  const encoder = new LSTM({ units: 3, returnState: true, name: "encoder" });
  const [, h, c] = encoder.apply(a) as readonly ReturnType<typeof Input>[];
  const shared = new Dense({ units: 2, activation: "tanh", name: "shared" });
  const decoded = new LSTM({ units: 3, name: "decoder" }).apply(shared.apply(b), {
    initialState: [h!, c!],
  }) as ReturnType<typeof Input>;
  const inner = new Sequential([new Dense({ units: 2, inputShape: [3], name: "inside" })], { name: "inner" });
  const outputs = [inner.apply(decoded), new Dense({ units: 1, name: "other" }).apply(shared.apply(b))];
  return new Model<readonly Tensor[], readonly Tensor[]>({ inputs: [a, b], outputs, name: "branched" });
}

describe("a saved model", () => {
  it("is read back with the same layers, weights and results", async () => {
    setSeed(1);
    const model = classifier();
    const { x, y } = data();
    model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
    await model.fit(x, y, { epochs: 2, verbose: 0 });
    const path = at("net.nabla");
    await model.save(path);
    const loaded = await loadModel(path);
    expect(loaded).toBeInstanceOf(Sequential);
    expect(loaded.name).toBe("net");
    expect(loaded.layers.map(({ name }) => name)).toEqual(["first", "norm", "drop", "last"]);
    expect(loaded.getConfig()).toEqual(model.getConfig());
    expect(await bits((await loaded.predict(x)) as Tensor)).toEqual(await bits(await model.predict(x)));
    expect(await loaded.evaluate(x, y, { verbose: 0 })).toEqual(await model.evaluate(x, y, { verbose: 0 }));
  });

  it.each(["adam", "nadam", "sgd", "rmsprop", "lion"] as const)(
    "goes on training as if nothing had been: %s",
    async (name) => {
      setSeed(2);
      const model = classifier();
      const { x, y } = data();
      const optimizer =
        name === "sgd"
          ? new optimizers.SGD({
              momentum: 0.9,
              learningRate: new optimizers.schedules.CosineDecay({ initialLearningRate: 0.1, decaySteps: 9 }),
            })
          : name;
      model.compile({ optimizer, loss: new losses.SparseCategoricalCrossentropy(), metrics: ["accuracy"] });
      await model.fit(x, y, { epochs: 2, batchSize: 8, verbose: 0 });
      const path = at("training.nabla");
      await model.save(path);
      const rest = { epochs: 4, initialEpoch: 2, batchSize: 8, verbose: 0 } as const;
      const { history } = await model.fit(x, y, rest);
      const loaded = await loadModel(path, { restoreRandom: true });
      expect(loaded.optimizer!.iterations).toBe(12);
      expect((await loaded.fit(x, y, rest)).history).toEqual(history);
      for (const [i, weight] of model.weights.entries()) {
        expect(await bits(loaded.weights[i]!)).toEqual(await bits(weight));
      }
    },
  );

  it("may be a graph, with shared layers, models inside and options of calls", async () => {
    setSeed(3);
    const model = branched();
    model.getLayer("shared").trainable = false;
    const path = at("graph.nabla");
    await model.save(path);
    const loaded = (await loadModel(path)) as typeof model;
    const x = [randn([4, 5, 2]), randn([4, 3, 2])];
    const [given, wanted] = [loaded.apply(x), model.apply(x)];
    for (const [i, output] of wanted.entries()) expect(await bits(given[i]!)).toEqual(await bits(output));
    expect(loaded.getConfig()).toEqual(model.getConfig());
    expect(loaded.layers.map((layer) => layer.name)).toEqual(model.layers.map((layer) => layer.name));
    expect([...loaded.namedWeights().keys()]).toEqual([...model.namedWeights().keys()]);
    expect(loaded.trainableWeights).toHaveLength(model.trainableWeights.length);
  });

  it("of several outputs keeps their losses and metrics", async () => {
    const model = branched();
    model.compile({
      optimizer: new optimizers.AdamW({ clipNorm: 1, weightDecay: 0.1 }),
      loss: ["meanSquaredError", "meanAbsoluteError"],
      lossWeights: [1, 0.5],
      metrics: { other: [new metrics.BinaryAccuracy({ threshold: 0.25 })] },
    });
    const path = at("outputs.nabla");
    await model.save(path);
    const loaded = await loadModel(path);
    const x = [randn([4, 5, 2]), randn([4, 3, 2])];
    const y = [randn([4, 2]), randn([4, 3, 1])];
    expect(await loaded.evaluate(x, y, { verbose: 0 })).toEqual(await model.evaluate(x, y, { verbose: 0 }));
    expect(loaded.optimizer!.getConfig()).toEqual(model.optimizer!.getConfig());
  });

  it("may have been built by its data, or in float64", async () => {
    const model = new Sequential([new Dense({ units: 2 })]);
    model.apply(randn([3, 5]));
    const path = at("built.nabla");
    await model.save(path);
    expect((await loadModel(path)).weights[0]!.shape).toEqual([5, 2]);
    const x = Input({ shape: [2], dtype: "float64" });
    const dense = new Dense({ units: 1, dtype: "float64" });
    const double = new Model({ inputs: x, outputs: dense.apply(x), dtype: "float64" });
    await double.save(path);
    const loaded = await loadModel(path);
    expect([loaded.dtype, loaded.weights[0]!.dtype]).toEqual(["float64", "float64"]);
  });

  it("spends no random numbers, and leaves the generator alone unless told to restore it", async () => {
    setSeed(5);
    const path = at("random.nabla");
    await classifier().save(path);
    const next = await bits(randn([4]));
    await loadModel(path, { restoreRandom: true });
    expect(await bits(randn([4]))).toEqual(next);
    setSeed(6);
    const other = await bits(randn([4]));
    setSeed(6);
    await loadModel(path);
    expect(await bits(randn([4]))).toEqual(other);
  });
});

class Scale extends layers.Layer {
  factor: Tensor | undefined;
  readonly start: number;
  constructor(options: layers.LayerOptions & { start: number }) {
    super(options, ["start"]);
    this.start = options.start;
  }
  override build(): void {
    this.factor = this.addWeight({
      name: "factor",
      shape: [],
      initializer: new initializers.Constant({ value: this.start }),
    });
  }
  call(x: Tensor): Tensor {
    return x.mul(this.factor!) as Tensor;
  }
}

class Twice extends Model {
  readonly dense = new Dense({ units: 3, name: "dense" });
  override call(x: Tensor): Tensor {
    return this.dense.apply(this.dense.apply(x));
  }
}

describe("classes of one's own", () => {
  it("are given to loadModel", async () => {
    const model = new Sequential([new Scale({ start: 3, inputShape: [2], name: "scale" })]);
    const path = at("own.nabla");
    await model.save(path);
    await expect(loadModel(path)).rejects.toThrow('loadModel: unknown class of layers: "Scale"');
    const loaded = await loadModel(path, { customClasses: { Scale } });
    expect((loaded.layers[0] as unknown as Scale).start).toBe(3);
    expect(await loaded.weights[0]!.item()).toBe(3);
  });

  it("of models are built for the shape that they were built for", async () => {
    const model = new Twice({ name: "twice" });
    const x = randn([2, 3]);
    const y = model.apply(x);
    const path = at("twice.nabla");
    await model.save(path);
    const loaded = (await loadModel(path, { customClasses: { Twice } })) as Model;
    expect(loaded).toBeInstanceOf(Twice);
    expect(await bits(loaded.apply(x))).toEqual(await bits(y));
  });

  it("are refused when they hold what no file can", async () => {
    const path = at("function.nabla");
    const model = new Sequential([
      new Dense({ units: 1, activation: (x) => x.square(), inputShape: [1], name: "square" }),
    ]);
    await expect(model.save(path)).rejects.toThrow(
      new ArgumentError(
        "square: activation cannot be saved: a function activation, expected what JSON can hold, or an object with a getConfig",
      ),
    );
    const own = classifier();
    own.compile({ optimizer: "sgd", loss: (yTrue, yPred) => yTrue.sub(yPred).square() as Tensor });
    await expect(own.save(path)).rejects.toThrow(/^loss: call cannot be saved: a function/);
    await own.save(path, { includeOptimizer: false });
    expect((await loadModel(path)).optimizer).toBeNull();
    await expect(new Sequential([new Dense({ units: 1 })], { name: "open" }).save(path)).rejects.toThrow(
      new ArgumentError("save: the model is not built: open has no weights yet"),
    );
    await expect(own.save(path, { includeOptimiser: false } as never)).rejects.toThrow("save: unknown option");
  });
});

describe("weights alone", () => {
  it("go to another model with the same names", async () => {
    setSeed(7);
    const [from, to] = [classifier(), classifier()];
    const path = at("weights.safetensors");
    await from.saveWeights(path);
    expect([...(await io.loadSafetensors(path)).tensors.keys()].sort()).toEqual([...from.namedWeights().keys()].sort());
    await to.loadWeights(path);
    for (const [i, weight] of from.weights.entries()) expect(await bits(to.weights[i]!)).toEqual(await bits(weight));
  });

  it("may be those of a whole model, with what its optimizer keeps", async () => {
    const [from, to] = [classifier(), classifier()];
    const { x, y } = data();
    from.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
    await from.fit(x, y, { verbose: 0 });
    const path = at("whole.nabla");
    await from.save(path);
    await to.loadWeights(path);
    expect(await bits(to.weights[0]!)).toEqual(await bits(from.weights[0]!));
  });

  it("that do not fit are listed, and nothing changes", async () => {
    const model = classifier();
    const path = at("misfit.safetensors");
    const tensors = Object.fromEntries(model.namedWeights());
    const { "first/bias": _, ...others } = tensors;
    await io.saveSafetensors(path, { ...others, "last/bias": tensor([1, 2]), extra: tensor([1]) });
    const before = await bits(model.weights[0]!);
    await expect(model.loadWeights(path)).rejects.toThrow(
      new FormatError(
        'loadWeights: the tensors do not fit: missing: "first/bias"; unexpected: "extra"; ' +
          `of another shape or dtype: "last/bias" is float32 [2], expected float32 [3]: in ${path}`,
      ),
    );
    expect(await bits(model.weights[0]!)).toEqual(before);
    await expect(new Sequential([new Dense({ units: 1 })], { name: "open" }).loadWeights(path)).rejects.toThrow(
      "loadWeights: the model is not built: open has no weights yet",
    );
  });
});

describe("files that are no models", () => {
  const rewrite = async (change: (description: Record<string, unknown>) => void): Promise<string> => {
    const path = at("changed.nabla");
    await classifier().save(path);
    const { tensors, metadata } = await io.loadSafetensors(path);
    const description = JSON.parse(metadata["nabla"]!) as Record<string, unknown>;
    change(description);
    await io.saveSafetensors(path, tensors, { metadata: { nabla: JSON.stringify(description) } });
    return path;
  };

  it("are refused with their name", async () => {
    const path = at("other.safetensors");
    await io.saveSafetensors(path, { x: tensor([1]) });
    await expect(loadModel(path)).rejects.toThrow(
      new FormatError(`loadModel: not a model: ${path} has no metadata "nabla", expected a file that save wrote`),
    );
    await writeFile(path, "text");
    await expect(loadModel(path)).rejects.toThrow(FormatError);
    await expect(loadModel(at("none.nabla"))).rejects.toThrow("loadSafetensors: file not found");
  });

  it("of another version, another class, or with a broken graph neither", async () => {
    const later = await rewrite((description) => (description["version"] = 2));
    await expect(loadModel(later)).rejects.toThrow(
      new FormatError(`loadModel: unknown version: 2 in the metadata of ${later}, expected 1`),
    );
    const layer = { className: "Dense", config: { units: 1 } };
    const single = await rewrite((description) => (description["model"] = layer));
    await expect(loadModel(single)).rejects.toThrow(
      new FormatError(`loadModel: not a model: "Dense" in ${single}, expected a class of models`),
    );
    const wrong = await rewrite((description) => (description["model"] = 3));
    await expect(loadModel(wrong)).rejects.toThrow(
      new FormatError(`loadModel: not the description of a model: the metadata of ${wrong}`),
    );
    const graph = (config: object): ((description: Record<string, unknown>) => void) => {
      return (description) => (description["model"] = { className: "Model", config });
    };
    const inputs = [{ name: "x", shape: [4], dtype: "float32" }];
    const calls = [{ layer: 0, inputs: 7, options: {} }];
    const symbolic = await rewrite(graph({ name: "m", inputs, takesList: false, layers: [layer], calls, outputs: 1 }));
    await expect(loadModel(symbolic)).rejects.toThrow(
      new FormatError("loadModel: no such symbolic tensor: place 7 of 1"),
    );
    const wide = [{ className: "Dense", config: { units: 1e8, name: "wide" } }];
    const large = await rewrite(
      graph({ name: "m", inputs, takesList: false, layers: wide, calls: [{ ...calls[0], inputs: 0 }], outputs: 1 }),
    );
    await expect(loadModel(large)).rejects.toThrow(/^wide: more weights than expected: kernel has 400000000 elements/);
    const none = await rewrite(graph({ name: "m", inputs, takesList: false, layers: [], calls, outputs: 1 }));
    await expect(loadModel(none)).rejects.toThrow(new FormatError("loadModel: no such layer: place 0 of 0"));
  });
});

describe("a kill while saving", () => {
  it("leaves the old file or the new one", async () => {
    const path = at("killed.nabla");
    const small = new Sequential([new Dense({ units: 1, inputShape: [1], name: "dense" })], { name: "old" });
    await small.save(path);
    const before = await readFile(path);
    const outcomes = new Set<string>();
    for (let wait = 0; wait < 5; wait++) {
      await writeFile(path, before);
      const child = spawn(process.execPath, [script, compiled, path], { stdio: ["ignore", "pipe", "inherit"] });
      await new Promise<void>((resolve) => child.stdout.once("data", () => resolve()));
      await new Promise((resolve) => setTimeout(resolve, wait * 20));
      child.kill("SIGKILL");
      await new Promise((resolve) => child.once("exit", resolve));
      outcomes.add((await loadModel(path)).name);
    }
    expect([...outcomes].every((name) => name === "old" || name === "new")).toBe(true);
    expect(outcomes.size).toBeGreaterThan(0);
    expect((await readdir(folder)).filter((name) => name === "killed.nabla")).toHaveLength(1);
  });
});

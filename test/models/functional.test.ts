import { describe, expect, it } from "vitest";
import {
  ArgumentError,
  Input,
  Model,
  Sequential,
  ShapeError,
  SymbolicTensor,
  concat,
  layers,
  memory,
  noGrad,
  ones,
  optimizers,
  randn,
  setSeed,
  tensor,
  tidy,
  zeros,
  type Tensor,
} from "nabla";
import { expectClose } from "../support/check-op.js";

/** Asserts that two tensors agree: exactly, unless a tolerance is given. */
async function expectSame(got: Tensor, wanted: Tensor, tolerance = 0): Promise<void> {
  expect(got.shape).toEqual(wanted.shape);
  expectClose(await got.data(), await wanted.data(), tolerance, "the result");
}

const { Conv2D, Dense, Dropout, Flatten, InputLayer, LSTM, Layer, MaxPooling2D } = layers;

/** A merge of any number of tensors, as a user would write it. */
class Sum extends Layer<readonly Tensor[]> {
  protected override readonly takesList = true;
  call(x: readonly Tensor[]): Tensor {
    return x.reduce((sum, each) => sum.add(each) as Tensor);
  }
  override computeOutputShape(shapes: readonly layers.BatchShape[]): layers.BatchShape {
    return shapes[0]!;
  }
}

/** Two inputs, of which one is used twice, and two outputs. */
function branched(): Model<readonly Tensor[], readonly Tensor[]> {
  const a = Input({ shape: [3], name: "a" });
  const b = Input({ shape: [3], name: "b" });
  const shared = new Dense({ units: 4, activation: "tanh", name: "shared" });
  const sum = new Sum({ name: "sum" }).apply([shared.apply(a), shared.apply(b)]);
  const price = new Dense({ units: 1, name: "price" }).apply(sum);
  const kind = new Dense({ units: 3, activation: "softmax", name: "kind" }).apply(sum);
  return new Model<readonly Tensor[], readonly Tensor[]>({ inputs: [a, b], outputs: [price, kind], name: "branched" });
}

function conv(): Model {
  const x = Input({ shape: [8, 8, 2], name: "image" });
  const y = new Conv2D({ filters: 3, kernelSize: 3, activation: "relu", name: "conv" }).apply(x);
  const pooled = new MaxPooling2D({ poolSize: 2, name: "pool" }).apply(y);
  const flat = new Flatten({ name: "flat" }).apply(pooled);
  return new Model({ inputs: x, outputs: new Dense({ units: 2, name: "head" }).apply(flat), name: "cnn" });
}

describe("symbolic tensors", () => {
  it("have the shape and the layer that makes them", () => {
    const x = Input({ shape: [null, 5], name: "words" });
    expect(x).toBeInstanceOf(SymbolicTensor);
    expect(x.shape).toEqual([null, null, 5]);
    expect(x.dtype).toBe("float32");
    const [y, h, c] = new LSTM({ units: 4, returnSequences: true, returnState: true, name: "memory" }).apply(
      x,
    ) as readonly SymbolicTensor[];
    expect([y!.shape, h!.shape, c!.shape]).toEqual([
      [null, null, 4],
      [null, 4],
      [null, 4],
    ]);
    expect(String(y)).toBe("SymbolicTensor(memory: float32 [null,null,4])");
    expect(Input({ shape: [], dtype: "int32", name: "id" }).dtype).toBe("int32");
  });

  it("build the layers, which refuse what does not fit", () => {
    const x = Input({ shape: [3] });
    const dense = new Dense({ units: 2, name: "dense" });
    expect(dense.apply(x).shape).toEqual([null, 2]);
    expect(dense.built).toBe(true);
    expect(() => dense.apply(Input({ shape: [4] }))).toThrow(
      new ShapeError("dense: the input does not fit: its shape is [null,4], expected […,*,3]"),
    );
    expect(() => new Dense({ units: 2, name: "list" }).apply([x] as never)).toThrow(
      new ArgumentError("list: input is wrong: [SymbolicTensor], expected one symbolic tensor"),
    );
    expect(() => new Sum({ name: "sum" }).apply([x, ones([1, 3])] as never)).toThrow(
      new ArgumentError("sum: input 1 is wrong: Tensor, expected a symbolic tensor like the others"),
    );
    expect(() => dense.apply(x, { trainig: true } as never)).toThrow('dense: unknown option: "trainig"');
  });

  it("of a layer that does not say its shape come from a run on zeros", () => {
    class Double extends Layer {
      call(x: Tensor): Tensor {
        return concat([x, x], -1);
      }
    }
    expect(new Double().apply(Input({ shape: [3] })).shape).toEqual([null, 6]);
    expect(() => new Double({ name: "double" }).apply(Input({ shape: [null, 3] }))).toThrow(
      new ArgumentError(
        "double: the output shape for [null,null,3] is not known: define computeOutputShape in its class",
      ),
    );
  });
});

describe("a graph", () => {
  it("computes what its layers compute", async () => {
    setSeed(1);
    const model = branched();
    const [a, b] = [randn([5, 3]), randn([5, 3])];
    const [price, kind] = model.apply([a, b]);
    const get = (name: string): layers.Layer => model.getLayer(name) as unknown as layers.Layer;
    const sum = get("shared").apply(a).add(get("shared").apply(b)) as Tensor;
    await expectSame(price!, get("price").apply(sum));
    await expectSame(kind!, get("kind").apply(sum));
    const named = model.apply({ b, a });
    await expectSame(named[0]!, price!);
  });

  it("has its layers in order, each once, and finds them", () => {
    const model = branched();
    expect(model.layers.map(({ name }) => name)).toEqual(["a", "b", "shared", "sum", "price", "kind"]);
    expect(model.getLayer("shared")).toBe(model.getLayer(2));
    expect(model.getLayer(-1).name).toBe("kind");
    expect(() => model.getLayer("shard")).toThrow('branched: unknown layer: "shard", did you mean "shared"?');
    expect(() => model.getLayer(6)).toThrow(
      new ArgumentError("branched: layer is wrong: 6, expected a place from 0 to 5"),
    );
    expect([...model.namedWeights().keys()]).toEqual([
      "shared/kernel",
      "shared/bias",
      "price/kernel",
      "price/bias",
      "kind/kernel",
      "kind/bias",
    ]);
    expect(model.countParams()).toBe(16 + 5 + 15);
    expect([model.inputNames, model.outputNames]).toEqual([
      ["a", "b"],
      ["price", "kind"],
    ]);
  });

  it("gives gradients to all weights, those of a shared layer from both uses", async () => {
    setSeed(2);
    const model = branched();
    const [a, b] = [randn([2, 3]), randn([2, 3])];
    model.apply([a, b])[0]!.sum().backward();
    const shared = model.getLayer("shared").weights[0]!;
    const both = shared.grad!;
    shared.grad = null;
    const priced = (x: Tensor): Tensor => {
      const dense = model.getLayer("shared") as unknown as layers.Layer;
      return (model.getLayer("price") as unknown as layers.Layer).apply(dense.apply(x));
    };
    priced(a).sum().backward();
    priced(b).sum().backward();
    await expectSame(shared.grad!, both, 1e-6); // Sums in another order: a few roundings of float32.
  });

  it("refuses outputs that need another input, two layers of one name, and what is no symbolic tensor", () => {
    const [a, b] = [Input({ shape: [2], name: "a" }), Input({ shape: [2], name: "b" })];
    const y = new Sum({ name: "sum" }).apply([a, b]);
    expect(() => new Model({ inputs: a, outputs: y, name: "half" })).toThrow(
      new ArgumentError(
        "half: the graph is not connected: the output sum depends on the input b, which is not among the inputs",
      ),
    );
    const twice = new Dense({ units: 1, name: "d" }).apply(new Dense({ units: 1, name: "d" }).apply(a));
    expect(() => new Model({ inputs: a, outputs: twice, name: "twice" })).toThrow(
      new ArgumentError('twice: two layers have the name "d": expected different names'),
    );
    expect(() => new Model({ inputs: [a, a], outputs: y, name: "same" })).toThrow(
      new ArgumentError("same: an input is given twice: a"),
    );
    expect(() => new Model({ inputs: [], outputs: y, name: "none" })).toThrow(
      new ArgumentError(
        "none: inputs is wrong: [], expected a symbolic tensor, such as Input gives, or a list of them",
      ),
    );
    expect(() => new Model({ inputs: ones([1, 2]) as never, outputs: y, name: "real" })).toThrow(
      /^real: inputs is wrong: Tensor/,
    );
    expect(() => new Model({ inputs: a, name: "open" })).toThrow(
      new ArgumentError("open: inputs and outputs belong together: only one of them is given"),
    );
  });

  it("refuses tensors that do not fit its inputs", () => {
    const model = branched();
    const x = ones([2, 3]);
    expect(() => model.apply([x])).toThrow(
      new ArgumentError("branched: the number of inputs differs: 1 given, expected a, b"),
    );
    expect(() => model.apply([x, ones([2, 4])])).toThrow(
      new ShapeError("branched: the input does not fit: b is [2,4], expected [null,3]"),
    );
    expect(() => model.apply({ a: x })).toThrow(new ArgumentError("branched: the input b is missing: a given"));
    expect(() => model.apply({ a: x, c: x })).toThrow('branched: unknown input: "c"');
    expect(() => model.apply([x, 3 as never])).toThrow("branched: not a tensor: 3, expected a Tensor");
  });

  it("begins at a tensor in the middle of another", async () => {
    const cnn = conv();
    const features = cnn.getLayer("flat").weights;
    expect(features).toEqual([]);
    const middle = (cnn.outputs[0]!.source.inputs as readonly SymbolicTensor[])[0]!;
    const head = new Model({ inputs: middle, outputs: cnn.output });
    expect(head.layers.map(({ name }) => name)).toEqual(["head"]);
    const extractor = new Model({ inputs: cnn.input, outputs: middle });
    const x = randn([2, 8, 8, 2]);
    await expectSame(head.apply(extractor.apply(x)), cnn.apply(x));
  });

  it("may be deeper than the stack", () => {
    const layer = new layers.Activation({ activation: "relu" });
    const x = Input({ shape: [1] });
    let y = x;
    for (let i = 0; i < 20_000; i++) y = layer.apply(y);
    const model = new Model({ inputs: x, outputs: y });
    expect(model.apply(tensor([[2], [-1]])).toArraySync()).toEqual([[2], [0]]);
  });
});

describe("options of calls", () => {
  it("are kept, and symbolic tensors in them are inputs", async () => {
    setSeed(3);
    const x = Input({ shape: [4, 2] });
    const y = Input({ shape: [3, 2] });
    const encoder = new LSTM({ units: 3, returnState: true, name: "encoder" });
    const decoder = new LSTM({ units: 3, name: "decoder" });
    const [, h, c] = encoder.apply(x) as readonly SymbolicTensor[];
    const out = decoder.apply(y, { initialState: [h!, c!] });
    const model = new Model<readonly Tensor[]>({ inputs: [x, y], outputs: out as SymbolicTensor });
    const [a, b] = [randn([2, 4, 2]), randn([2, 3, 2])];
    const states = (encoder.apply(a) as Tensor[]).slice(1);
    await expectSame(model.apply([a, b]), decoder.apply(b, { initialState: states }) as Tensor);
    expect(model.layers.map(({ name }) => name).slice(2)).toEqual(["encoder", "decoder"]);
  });

  it("of training win over those of the model", async () => {
    const x = Input({ shape: [100] });
    const model = new Model({ inputs: x, outputs: new Dropout({ rate: 0.5 }).apply(x, { training: false }) });
    await expectSame(model.apply(ones([2, 100]), { training: true }), ones([2, 100]));
  });
});

describe("sub-models", () => {
  it("are layers", async () => {
    const inner = conv();
    const x = Input({ shape: [8, 8, 2] });
    const outer = new Model({ inputs: x, outputs: new Dense({ units: 1, name: "top" }).apply(inner.apply(x)) });
    expect(outer.getLayer("cnn")).toBe(inner);
    expect([...outer.namedWeights().keys()][0]).toBe("cnn/conv/kernel");
    const image = randn([2, 8, 8, 2]);
    const top = outer.getLayer("top") as unknown as layers.Layer;
    await expectSame(outer.apply(image), top.apply(inner.apply(image)));
    const stacked = new Sequential([inner, new Dense({ units: 5 })]);
    expect(stacked.outputShape).toEqual([null, 5]);
    inner.trainable = false;
    expect(outer.trainableWeights).toEqual(top.weights);
  });

  it("take inputs of other sizes than they were made with where those are open", () => {
    const x = Input({ shape: [null, 2] });
    const inner = new Model({
      inputs: x,
      outputs: new LSTM({ units: 3, returnSequences: true }).apply(x) as SymbolicTensor,
    });
    expect(inner.apply(Input({ shape: [7, 2] })).shape).toEqual([null, 7, 3]);
    expect(inner.computeOutputShape([4, 7, 2])).toEqual([4, 7, 3]);
  });

  it("may be a Sequential, whose layers go on in a graph", async () => {
    const base = new Sequential([
      new InputLayer({ shape: [4] }),
      new Dense({ units: 3, activation: "relu", name: "base" }),
    ]);
    const model = new Model({ inputs: base.input, outputs: new Dense({ units: 2, name: "head" }).apply(base.output) });
    const x = randn([3, 4]);
    await expectSame(model.apply(x), (model.getLayer("head") as unknown as layers.Layer).apply(base.apply(x)));
    expect(() => new Sequential([new Dense({ units: 1 })]).output).toThrow("symbolic tensors: the model is not built");
  });
});

describe("training", () => {
  const a = () => randn([32, 3]);
  it("of several outputs adds their losses", async () => {
    setSeed(4);
    const model = branched();
    model.compile({
      optimizer: new optimizers.Adam({ learningRate: 0.02 }),
      loss: { price: "meanSquaredError", kind: "sparseCategoricalCrossentropy" },
      lossWeights: { kind: 0.5 },
      metrics: { kind: ["accuracy"] },
    });
    const x = { a: a(), b: a() };
    const y = { kind: new Int32Array(32).fill(1), price: ones([32, 1]) };
    const { history } = await model.fit(x, y, { epochs: 30, batchSize: 8, verbose: 0, validationSplit: 0.25 });
    expect(Object.keys(history)).toEqual([
      "loss",
      "priceLoss",
      "kindLoss",
      "kindAccuracy",
      "valLoss",
      "valPriceLoss",
      "valKindLoss",
      "valKindAccuracy",
    ]);
    const last = (name: string): number => history[name]!.at(-1)!;
    expect(last("loss")).toBeCloseTo(last("priceLoss") + 0.5 * last("kindLoss"), 5);
    expect(last("loss")).toBeLessThan(history["loss"]![0]! / 2);
    const logs = await model.evaluate([x.a, x.b], [y.price, y.kind], { verbose: 0 });
    expect(logs["kindAccuracy"]).toBe(1);
    const [price, kind] = await model.predict([x.a, x.b], { batchSize: 5 });
    expect([price!.shape, kind!.shape]).toEqual([
      [32, 1],
      [32, 3],
    ]);
    await expectSame(price!, model.apply([x.a, x.b])[0]!, 1e-6); // Other batches, other blocks of sums.
    await model.trainOnBatch(x, y);
  });

  it("refuses losses, metrics and targets that do not fit the outputs", async () => {
    const model = branched();
    const compile = (options: Record<string, unknown>): void =>
      model.compile({ optimizer: "adam", loss: "meanSquaredError", ...options } as never);
    expect(() => compile({ loss: ["meanSquaredError"] })).toThrow(
      new ArgumentError("compile: the number of loss differs: 1 given, the model has the outputs price, kind"),
    );
    expect(() => compile({ loss: { price: "meanSquaredError" } })).toThrow(
      new ArgumentError("compile: a loss is missing: none for the output kind"),
    );
    expect(() => compile({ lossWeights: { kinds: 1 } })).toThrow(
      'compile: unknown output: "kinds", did you mean "kind"?',
    );
    compile({ metrics: ["meanAbsoluteError"] });
    const [x, y] = [[a(), a()], ones([32, 1])];
    await expect(model.fit(x, y)).rejects.toThrow(
      new ArgumentError("fit: the number of targets differs: 1 given, branched has 2 outputs"),
    );
    await expect(model.fit(x, { price: y })).rejects.toThrow("fit: the output kind is missing: price given");
    await expect(model.fit([a(), ones([31, 3])], [y, y])).rejects.toThrow(
      new ArgumentError("fit: the inputs have different lengths: 32, 31 samples"),
    );
    await expect(model.fit(x, [y, ones([30, 3])])).rejects.toThrow(
      new ArgumentError("fit: x and y have different lengths: x has 32 samples, kind has 30"),
    );
    await expect(model.predict({ a: a() })).rejects.toThrow("predict: the input b is missing: a given");
  });

  it("leaves a frozen base alone, and saves nothing of it", () => {
    const x = Input({ shape: [64] });
    const base = new Sequential(
      Array.from(
        { length: 8 },
        (_, i) => new Dense({ units: 64, activation: "tanh", ...(i === 0 && { inputShape: [64] }) }),
      ),
    );
    base.trainable = false;
    const model = new Model({ inputs: x, outputs: new Dense({ units: 1 }).apply(base.apply(x)) });
    expect(model.trainableWeights).toHaveLength(2);
    const grown = (): number =>
      tidy(() => {
        const batch = ones([1024, 64]);
        const before = memory().bytes;
        const loss = model.apply(batch, { training: true }).mean();
        const after = memory().bytes;
        loss.backward();
        expect(base.weights.every(({ grad }) => grad === null)).toBe(true);
        for (const weight of model.weights) weight.grad = null;
        return (after - before) / batch.size / 4;
      });
    expect(grown()).toBeLessThan(1.5); // In activations of the base: what the head reads.
    base.trainable = true;
    for (const weight of base.weights) expect(weight.requiresGrad).toBe(true);
    const unfrozen = tidy(() => {
      const batch = ones([1024, 64]);
      const before = memory().bytes;
      model.apply(batch, { training: true });
      return (memory().bytes - before) / batch.size / 4;
    });
    expect(unfrozen).toBeGreaterThan(7.5);
  });
});

describe("memory", () => {
  it("holds no result between the layers once it was used", () => {
    const model = conv();
    const x = ones([4, 8, 8, 2]);
    noGrad(() => tidy(() => model.apply(x)));
    const before = memory().tensors;
    const y = noGrad(() => model.apply(x));
    expect(memory().tensors).toBe(before + 1);
    y.dispose();
    expect(x.disposed).toBe(false);
  });

  it("keeps results that are the same tensor, inputs and weights", () => {
    class Table extends Layer {
      rows: Tensor | undefined;
      override build(): void {
        this.rows = this.addWeight({ name: "rows", shape: [1, 2] });
      }
      call(): Tensor {
        return this.rows!;
      }
      override computeOutputShape(): layers.BatchShape {
        return [null, 2];
      }
    }
    const x = Input({ shape: [2] });
    const same = new Dropout({ rate: 0.5 }).apply(x);
    const table = new Table({ name: "table" });
    const outputs = [same, new Sum().apply([new Dropout({ rate: 0.1 }).apply(same), table.apply(x)])];
    const model = new Model<Tensor, readonly Tensor[]>({ inputs: x, outputs });
    const given = zeros([1, 2]);
    const [passed] = model.apply(given);
    expect(passed).toBe(given);
    expect(given.disposed || table.rows!.disposed).toBe(false);
  });

  it("keeps what a layer or a function gives again with each call", async () => {
    class Constant extends Layer {
      readonly rows = tensor([[1, 2]]);
      call(): Tensor {
        return this.rows;
      }
      override computeOutputShape(): layers.BatchShape {
        return [null, 2];
      }
    }
    const outside = tensor([[3, 4]]);
    const x = Input({ shape: [2] });
    const constant = new Constant({ name: "constant" });
    const lambda = new layers.Lambda({ function: () => outside, outputShape: [2] });
    const model = new Model({ inputs: x, outputs: new Sum().apply([x, constant.apply(x), lambda.apply(x)]) });
    const stacked = new Sequential([lambda, new layers.Activation({ activation: "relu" })]);
    for (let i = 0; i < 2; i++) {
      expect(model.apply(zeros([1, 2])).toArraySync()).toEqual([[4, 6]]);
      expect((await stacked.predict(zeros([1, 2]))).toArraySync()).toEqual([[3, 4]]);
    }
  });

  it("keeps logits, from which a loss is computed, until the loss was", async () => {
    const x = Input({ shape: [2] });
    const logits = new Dense({ units: 3, kernelInitializer: "ones" }).apply(x);
    const model = new Model({ inputs: x, outputs: new layers.Activation({ activation: "softmax" }).apply(logits) });
    model.compile({ optimizer: "sgd", loss: "categoricalCrossentropy" });
    // Probabilities would be cut off at 1e-7, whose logarithm is -16.1.
    model.getLayer(1).weights[1]!.assign(tensor([0, 0, 200]));
    const { loss } = await model.evaluate(zeros([1, 2]), tensor([[1, 0, 0]]), { verbose: 0 });
    expect(loss).toBeCloseTo(200, 3);
  });
});

describe("convolution and pooling in a graph", () => {
  it("are computed at once, with the same result", async () => {
    const model = conv();
    const x = randn([2, 8, 8, 2]);
    const [image, c, pool, flat, head] = model.layers as unknown as layers.Layer[];
    expect(image).toBeInstanceOf(InputLayer);
    const apart = head!.apply(flat!.apply(pool!.apply(c!.apply(x))));
    await expectSame(model.apply(x), apart);
  });

  it("are not where the convolution's result is used otherwise", async () => {
    const x = Input({ shape: [4, 4, 1] });
    const y = new Conv2D({ filters: 1, kernelSize: 3, activation: "relu" }).apply(x);
    const outputs = [y, new MaxPooling2D({ poolSize: 2 }).apply(y)];
    const [first, second] = new Model<Tensor, readonly Tensor[]>({ inputs: x, outputs }).apply(ones([1, 4, 4, 1]));
    expect(first!.shape).toEqual([1, 2, 2, 1]);
    expect((await second!.data())[0]).toBe(Math.max(...(await first!.data())));
  });
});

describe("summary", () => {
  it("shows shapes, parameters, what is frozen and what is connected", () => {
    const model = branched();
    model.getLayer("shared").trainable = false;
    const lines: string[] = [];
    model.summary({ printFn: (line) => lines.push(line) });
    expect(lines).toEqual([
      'Model: "branched"',
      "┌────────────────┬──────────────┬────────┬───────────┬────────────────┐",
      "│ Layer (type)   │ Output shape │ Params │ Trainable │ Connected to   │",
      "├────────────────┼──────────────┼────────┼───────────┼────────────────┤",
      "│ a (InputLayer) │ [null, 3]    │      0 │ -         │ -              │",
      "│ b (InputLayer) │ [null, 3]    │      0 │ -         │ -              │",
      "│ shared (Dense) │ [null, 4]    │     16 │ no        │ a, b           │",
      "│ sum (Sum)      │ [null, 4]    │      0 │ -         │ shared, shared │",
      "│ price (Dense)  │ [null, 1]    │      5 │ yes       │ sum            │",
      "│ kind (Dense)   │ [null, 3]    │     15 │ yes       │ sum            │",
      "└────────────────┴──────────────┴────────┴───────────┴────────────────┘",
      "Total params: 36 (144 B)",
      "Trainable params: 20 (80 B)",
      "Non-trainable params: 16 (64 B)",
    ]);
  });
});

describe("a class of one's own", () => {
  class Two extends Model<readonly Tensor[], readonly Tensor[]> {
    readonly dense = new Dense({ units: 2 });
    override get inputNames(): readonly string[] {
      return ["left", "right"];
    }
    override call([left, right]: readonly Tensor[]): readonly Tensor[] {
      return [this.dense.apply(left!), this.dense.apply(right!)];
    }
  }
  it("takes and gives several tensors", async () => {
    const model = new Two();
    const x = { left: randn([6, 3]), right: randn([6, 3]) };
    model.compile({ optimizer: "adam", loss: ["meanSquaredError", "meanSquaredError"] });
    const { history } = await model.fit(x, [ones([6, 2]), ones([6, 2])], { epochs: 2, verbose: 0 });
    expect(Object.keys(history)).toEqual(["loss", "output0Loss", "output1Loss"]);
    const [left] = await model.predict(x);
    await expectSame(left!, model.apply(x)[0]!);
    expect(() => model.inputs).toThrow("inputs: the model is no graph of layers: two computes its results in call");
    const [first] = model.apply([Input({ shape: [3] }), Input({ shape: [3] })]);
    expect(first!.shape).toEqual([null, 2]);
  });

  it("needs a graph or a call", () => {
    expect(() => new Model({ name: "empty" }).apply(ones([1, 1]))).toThrow(
      new ArgumentError(
        "empty: the model has neither a graph nor a call: give it inputs and outputs, or define call in Model",
      ),
    );
  });
});

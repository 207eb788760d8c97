import { describe, expect, it } from "vitest";
import {
  ArgumentError,
  DTypeError,
  IndexError,
  Model,
  NablaError,
  Sequential,
  ShapeError,
  initializers,
  layers,
  memory,
  ones,
  randn,
  setSeed,
  tensor,
  tidy,
  zeros,
  type Tensor,
} from "nabla";
import { kernelsOf } from "../support/kernels.js";

const { Bidirectional, Dense, Embedding, GRU, LSTM, Masking, SimpleRNN, TimeDistributed } = layers;

describe("weights", () => {
  it("have Keras' order, shapes and first values", () => {
    const lstm = new LSTM({ units: 4 });
    lstm.build([null, null, 3]);
    expect(lstm.weights.map(({ shape }) => shape)).toEqual([[3, 16], [4, 16], [16]]);
    expect(Array.from(lstm.bias!.dataSync())).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    const products = lstm.recurrentKernel!.matmul(lstm.recurrentKernel!.transpose());
    const identity = [0, 1, 2, 3].map((i) => [0, 1, 2, 3].map((j) => Number(i === j)));
    // Rows of 16 elements in float32.
    expect(products.sub(tensor(identity)).abs().max().itemSync()).toBeLessThanOrEqual(1e-6);
    const plain = new LSTM({ units: 2, unitForgetBias: false, biasInitializer: "ones" });
    plain.build([null, null, 3]);
    expect(plain.bias!.sum().itemSync()).toBe(8);
    const gru = new GRU({ units: 4 });
    gru.build([null, null, 3]);
    expect(gru.weights.map(({ shape }) => shape)).toEqual([
      [3, 12],
      [4, 12],
      [2, 12],
    ]);
    expect(new GRU({ units: 4, useBias: false }).apply(ones([1, 2, 3])).shape).toEqual([1, 4]);
    expect(gru.countParams()).toBe(36 + 48 + 24);
    expect(new SimpleRNN({ units: 1 }).name).toMatch(/^simple_rnn(_\d+)?$/);
  });

  it("are orthogonal in every shape, by panels too", () => {
    setSeed(3);
    for (const [rows, columns] of [
      [1, 1],
      [5, 5],
      [40, 40],
      [33, 132],
      [70, 20],
    ] as const) {
      const made = new initializers.Orthogonal({ gain: 2 }).call([rows, columns], "float64");
      const short = rows > columns ? made.transpose() : made;
      const products = short.matmul(short.transpose()).dataSync();
      const count = Math.min(rows, columns);
      const errors = Array.from(products, (value, i) => Math.abs(value - (i % (count + 1) === 0 ? 4 : 0)));
      // float64, of which square random matrices lose a few digits.
      expect(Math.max(...errors), `[${rows},${columns}]`).toBeLessThanOrEqual(1e-10);
    }
    expect(new initializers.Orthogonal().call([2, 3, 4], "float32").shape).toEqual([2, 3, 4]);
    expect(() => new initializers.Orthogonal().call([3], "float32")).toThrow(
      "Orthogonal: the weight is no matrix: its shape is [3], expected [rows, columns]",
    );
  });

  it("follow trainable through the wrappers", () => {
    const both = new Bidirectional({ layer: new LSTM({ units: 2, returnSequences: true }) });
    const each = new TimeDistributed({ layer: new Dense({ units: 3 }) });
    const model = new Sequential([both, each]);
    model.build([null, 4, 3]);
    expect(model.trainableWeights).toHaveLength(8);
    both.trainable = false;
    expect(model.trainableWeights).toEqual(each.layer.weights);
    expect(both.forwardLayer.kernel!.requiresGrad).toBe(false);
    expect(model.weights.slice(0, 6)).toEqual([...both.forwardLayer.weights, ...both.backwardLayer.weights]);
    each.trainable = false;
    expect(model.trainableWeights).toEqual([]);
  });
});

describe("states", () => {
  it("of a stateful layer go from call to call until resetStates", () => {
    const stateful = new LSTM({ units: 3, stateful: true, name: "memory" });
    const x = randn([2, 4, 2]);
    const first = stateful.apply(x).dataSync();
    expect(stateful.apply(x).dataSync()).not.toEqual(first);
    expect(() => stateful.apply(zeros([5, 4, 2]))).toThrow(ArgumentError);
    expect(() => stateful.apply(zeros([5, 4, 2]))).toThrow(
      "memory: another batch than before: it has 5 samples, the states that the layer keeps are for 2: call resetStates()",
    );
    const model = new Sequential([stateful]);
    model.resetStates();
    expect(stateful.apply(x).dataSync()).toEqual(first);
    stateful.resetStates();
    expect(stateful.apply(zeros([5, 4, 2])).shape).toEqual([5, 3]);
  });

  it("are kept in training, without the graph and without a leak", () => {
    const layer = new GRU({ units: 3, stateful: true });
    const x = randn([2, 4, 2]);
    const step = (): void =>
      tidy(() => {
        layer.apply(x, { training: true }).sum().backward();
        for (const weight of layer.weights) {
          weight.grad!.dispose();
          weight.grad = null;
        }
      });
    step();
    const { tensors } = memory();
    for (let i = 0; i < 5; i++) step();
    expect(memory().tensors).toBe(tensors);
  });

  it("that a model's trial run left are gone", () => {
    class Reader extends Model {
      readonly rnn = new SimpleRNN({ units: 2, stateful: true });
      override call(x: Tensor): Tensor {
        return this.rnn.apply(x);
      }
    }
    const model = new Reader();
    model.build([null, 3, 2]);
    expect(model.apply(ones([4, 3, 2])).shape).toEqual([4, 2]);
  });

  it("begin where the caller says", () => {
    const lstm = new LSTM({ units: 3, returnState: true, returnSequences: true });
    const x = randn([2, 6, 2]);
    const [whole] = lstm.apply(x);
    const [, h, c] = lstm.apply(x.slice([null, [0, 4]]));
    const [rest] = lstm.apply(x.slice([null, [4, 6]]), { initialState: [h!, c!] });
    expect(rest!.dataSync()).toEqual(whole!.slice([null, [4, 6]]).dataSync());
  });
});

describe("dropout", () => {
  const x = ones([64, 5, 8]);
  it("is in training only, and the same in all steps", () => {
    setSeed(1);
    const seen: Tensor[] = [];
    type Course = layers.RecurrentCourse & { returnState: true };
    class Spy extends SimpleRNN {
      protected override compute(inputs: Tensor, course: Course): Tensor[] {
        seen.push(inputs);
        return super.compute(inputs, course);
      }
    }
    const layer = new Spy({ units: 2, dropout: 0.5 });
    layer.apply(x);
    expect(seen[0]!.dataSync()).toEqual(x.dataSync());
    layer.apply(x, { training: true });
    const steps = seen[1]!.split(5, 1).map((step) => step.dataSync());
    for (const step of steps) expect(step).toEqual(steps[0]);
    expect(new Set(steps[0])).toEqual(new Set([0, 2]));
  });

  it.each([
    ["LSTM", (rate: number) => new LSTM({ units: 4, recurrentDropout: rate, returnSequences: true })],
    ["GRU", (rate: number) => new GRU({ units: 4, recurrentDropout: rate, returnSequences: true })],
    ["SimpleRNN", (rate: number) => new SimpleRNN({ units: 4, recurrentDropout: rate, returnSequences: true })],
  ])("of the recurrent product, %s", (_, make) => {
    setSeed(2);
    const layer = make(0.5);
    const whole = layer.apply(x);
    const dropped = layer.apply(x, { training: true });
    expect(dropped.shape).toEqual([64, 5, 4]);
    // The first step has no output before it.
    const first = (y: Tensor): Tensor => y.slice([null, [0, 1]]);
    // Two ways of the same sums, in float32.
    expect(first(whole).sub(first(dropped)).abs().max().itemSync()).toBeLessThanOrEqual(1e-6);
    expect(whole.sub(dropped).abs().max().itemSync()).toBeGreaterThan(0.01);
    dropped.sum().backward();
    expect(layer.recurrentKernel!.grad!.abs().sum().itemSync()).toBeGreaterThan(0);
    // A rate close to 0 drops nothing: the composition then gives what the op gives.
    const rare = make(1e-9);
    expect(
      rare
        .apply(x)
        .sub(rare.apply(x, { training: true }))
        .abs()
        .max()
        .itemSync(),
    ).toBeLessThanOrEqual(1e-6);
  });
});

describe("masks", () => {
  it("come from Embedding and Masking, and end where the sequence ends", () => {
    const ids = tensor(Int32Array.of(3, 1, 0, 2, 0, 0), { shape: [2, 3] });
    const kept = [
      [true, true, false],
      [true, false, false],
    ];
    const embedding = new Embedding({ inputDim: 4, outputDim: 2, maskZero: true });
    expect(embedding.computeMask(ids)!.toArraySync()).toEqual(kept);
    expect(new Embedding({ inputDim: 4, outputDim: 2 }).computeMask(ids)).toBeNull();
    const x = embedding.apply(ids);
    const mask = embedding.computeMask(ids);
    expect(new LSTM({ units: 1 }).computeMask(x, mask)).toBeNull();
    expect(new LSTM({ units: 1, returnSequences: true }).computeMask(x, mask)).toBe(mask);
    expect(new Bidirectional({ layer: new GRU({ units: 1 }) }).computeMask(x, mask)).toBeNull();
    expect(new TimeDistributed({ layer: new Dense({ units: 1 }) }).computeMask(x, mask)).toBe(mask);
    const padded = tensor([
      [
        [7, 7],
        [7, 1],
      ],
    ]);
    const masking = new Masking({ maskValue: 7 });
    expect(masking.computeMask(padded).toArraySync()).toEqual([[false, true]]);
    expect(masking.apply(padded).toArraySync()).toEqual([
      [
        [0, 0],
        [7, 1],
      ],
    ]);
  });

  it("are computed once for Masking's result and what follows", () => {
    const padded = tensor([[[7, 7], [7, 1], [7, 7]]]); // prettier-ignore
    const masking = new Masking({ maskValue: 7 });
    const { y, mask } = masking.applyMasked(padded); // makes the constants, too
    expect(kernelsOf(() => masking.applyMasked(padded))).toEqual(["notEqual", "any", "where"]);
    expect(y.dataSync()).toEqual(masking.apply(padded).dataSync());
    expect(mask!.toArraySync()).toEqual([[false, true, false]]);
    expect(() => masking.applyMasked(zeros([2, 3]))).toThrow("the input does not fit: its shape is [2,3]");
    expect(() => masking.applyMasked(padded, { training: true, maks: null } as never)).toThrow('did you mean "mask"');

    class Doubled extends Masking {
      override call(x: Tensor): Tensor {
        return super.call(x).mul(2) as Tensor;
      }
    }
    const doubled = new Doubled({ maskValue: 7 }).applyMasked(padded);
    expect(doubled.y.toArraySync()).toEqual([[[0, 0], [14, 2], [0, 0]]]); // prettier-ignore
    expect(doubled.mask!.toArraySync()).toEqual([[false, true, false]]);
  });

  it("make padding irrelevant to the last output", () => {
    const model = new Sequential([
      new Embedding({ inputDim: 9, outputDim: 3, maskZero: true }),
      new Bidirectional({ layer: new LSTM({ units: 2 }) }),
    ]);
    const short = model.apply(tensor(Int32Array.of(4, 8), { shape: [1, 2] })).dataSync();
    const long = model.apply(tensor(Int32Array.of(4, 8, 0, 0, 0), { shape: [1, 5] })).dataSync();
    expect(long).toEqual(short);
  });
});

describe("shapes and summary", () => {
  it("are known before a call", () => {
    const model = new Sequential([
      new Embedding({ inputDim: 10, outputDim: 4, inputShape: [null] }),
      new Bidirectional({ layer: new LSTM({ units: 3, returnSequences: true }) }),
      new TimeDistributed({ layer: new Dense({ units: 5 }) }),
      new Masking(),
      new GRU({ units: 2 }),
    ]);
    expect(model.outputShape).toEqual([null, 2]);
    const lines: string[] = [];
    model.summary({ printFn: (line) => lines.push(line) });
    expect(lines.filter((line) => /\[null, null, [4-6]\]|\[null, 2\]/.test(line))).toHaveLength(5);
    expect(lines.join("\n")).toContain(`Total params: ${40 + 2 * (48 + 36 + 12) + 35 + (30 + 12 + 12)}`);
    expect(new LSTM({ units: 3, returnState: true }).computeOutputShape([null, 7, 2])).toEqual([
      [null, 3],
      [null, 3],
      [null, 3],
    ]);
    const apart = new Bidirectional({ layer: new GRU({ units: 3, returnState: true }), mergeMode: null });
    expect(apart.computeOutputShape([4, 7, 2])).toEqual([
      [4, 3],
      [4, 3],
      [4, 3],
      [4, 3],
    ]);
    const { tensors } = memory();
    apart.computeOutputShape([4, 7, 2]);
    expect(memory().tensors).toBe(tensors);
  });

  it("may have no sample or no step", () => {
    expect(new LSTM({ units: 2, returnSequences: true }).apply(zeros([0, 3, 2])).shape).toEqual([0, 3, 2]);
    expect(new GRU({ units: 2 }).apply(zeros([3, 0, 2])).toArraySync()).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
    expect(new TimeDistributed({ layer: new Dense({ units: 2 }) }).apply(zeros([0, 3, 2])).shape).toEqual([0, 3, 2]);
  });
});

describe("what does not fit", () => {
  const x = zeros([2, 3, 4]);
  const lstm = new LSTM({ units: 2, name: "lstm" });
  const cases: [string, () => unknown, typeof NablaError | typeof ShapeError, string][] = [
    [
      "units",
      () => new LSTM({ units: 0, name: "l" }),
      ArgumentError,
      "l: units is wrong: 0, expected a positive integer",
    ],
    ["an option", () => new GRU({ units: 1, unit: 2 } as never), ArgumentError, 'GRU: unknown option: "unit"'],
    [
      "activation",
      () => new LSTM({ units: 1, name: "l", activation: "relu" as never }),
      ArgumentError,
      'l: unknown activation: "relu"',
    ],
    [
      "recurrentActivation",
      () => new GRU({ units: 1, name: "g", recurrentActivation: "hardSigmoid" as never }),
      ArgumentError,
      'g: unknown recurrentActivation: "hardSigmoid"',
    ],
    [
      "resetAfter",
      () => new GRU({ units: 1, name: "g", resetAfter: false as never }),
      ArgumentError,
      "g: resetAfter is wrong: false, expected true",
    ],
    [
      "dropout",
      () => new SimpleRNN({ units: 1, name: "s", dropout: 1 }),
      ArgumentError,
      "s: dropout is wrong: 1, expected a number from 0 to below 1",
    ],
    [
      "returnState",
      () => new SimpleRNN({ units: 1, name: "s", returnState: 1 as never }),
      ArgumentError,
      "s: returnState is wrong: 1, expected true or false",
    ],
    [
      "rank",
      () => lstm.apply(zeros([2, 3])),
      ShapeError,
      "lstm: the input does not fit: its shape is [2,3], expected [*,*,",
    ],
    [
      "mask dtype",
      () => lstm.apply(x, { mask: ones([2, 3]) }),
      DTypeError,
      "lstm: the mask is not bool: its dtype is float32",
    ],
    [
      "mask shape",
      () => lstm.apply(x, { mask: tensor([[true]]) }),
      ShapeError,
      "lstm: the mask does not fit the input: its shape is [1,1]",
    ],
    [
      "number of states",
      () => lstm.apply(x, { initialState: [zeros([2, 2])] }),
      ArgumentError,
      "lstm: initialState is wrong: a list of 1, expected a list of 2: [h, c]",
    ],
    [
      "shape of a state",
      () => lstm.apply(x, { initialState: [zeros([2, 2]), zeros([1, 2])] }),
      ShapeError,
      "initialState[1]",
    ],
    [
      "an option of a call",
      () => lstm.apply(x, { initialStates: [] } as never),
      ArgumentError,
      'lstm: unknown option: "initialStates", did you mean "initialState"?',
    ],
    [
      "mergeMode",
      () => new Bidirectional({ name: "b", layer: lstm, mergeMode: "concatenate" as never }),
      ArgumentError,
      'b: unknown mergeMode: "concatenate"',
    ],
    [
      "mergeMode",
      () => new Bidirectional({ name: "b", layer: lstm, mergeMode: 1 as never }),
      ArgumentError,
      "b: mergeMode is wrong: 1, expected null or one of concat, sum, mul, ave",
    ],
    [
      "layer",
      () => new Bidirectional({ name: "b", layer: new Dense({ units: 1 }) as never }),
      ArgumentError,
      "b: layer is wrong",
    ],
    ["layer", () => new TimeDistributed({ name: "t", layer: 3 as never }), ArgumentError, "t: layer is wrong: 3"],
    [
      "directions",
      () => new Bidirectional({ name: "b", layer: lstm, backwardLayer: new LSTM({ units: 2 }) }),
      ArgumentError,
      "b: both layers go the same way: goBackwards is false, expected true in one of them",
    ],
    [
      "returnSequences",
      () =>
        new Bidirectional({
          name: "b",
          layer: lstm,
          backwardLayer: new LSTM({ units: 2, goBackwards: true, returnSequences: true }),
        }),
      ArgumentError,
      "b: the layers differ in returnSequences: it is false and true, expected the same",
    ],
    [
      "states of two directions",
      () => new Bidirectional({ name: "b", layer: lstm }).apply(x, { initialState: [zeros([2, 2])] }),
      ArgumentError,
      "b: initialState is wrong: a list of 1, expected a list of 4",
    ],
    [
      "inputDim",
      () => new Embedding({ name: "e", inputDim: 0, outputDim: 1 }),
      ArgumentError,
      "e: inputDim is wrong: 0",
    ],
    [
      "rank of indices with maskZero",
      () => new Embedding({ name: "e", inputDim: 2, outputDim: 1, maskZero: true }).apply(zeros([1, 2, 3])),
      ShapeError,
      "e: the input does not fit: its shape is [1,2,3], expected [*,*]",
    ],
    ["maskValue", () => new Masking({ name: "m", maskValue: NaN }), ArgumentError, "m: maskValue is wrong: NaN"],
  ];
  it.each(cases)("%s", (_, make, kind, message) => {
    expect(make).toThrow(kind);
    expect(make).toThrow(message);
  });

  it("an index out of the embedding's range, at the next wait", async () => {
    const layer = new Embedding({ inputDim: 4, outputDim: 2 });
    const y = layer.apply(tensor(Int32Array.of(1, 4), { shape: [1, 2] }));
    const error: unknown = await y.data().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(IndexError);
    expect((error as Error).message).toBe("embedding: index 4 at position 1 is outside [0, 4)");
  });
});

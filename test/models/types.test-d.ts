import { describe, expectTypeOf, test } from "vitest";
import {
  Sequential,
  callbacks,
  data,
  datasets,
  layers,
  losses,
  metrics,
  optimizers,
  zeros,
  type Callback,
  type History,
  type Tensor,
  type TrainEvent,
} from "nabla";

const model = new Sequential([new layers.Dense({ units: 1 })]);

describe("layers", () => {
  test("take their options", () => {
    // @ts-expect-error units are needed
    void new layers.Dense({});
    // @ts-expect-error no such activation
    void new layers.Dense({ units: 1, activation: "rleu" });
    // @ts-expect-error a convolution has two sides
    void new layers.Conv2D({ filters: 1, kernelSize: [1, 2, 3] });
    void new layers.Dense({ units: 1, activation: (x) => x.square(), kernelInitializer: "heNormal" });
    void new layers.Dense({ units: 1, biasInitializer: (shape, dtype) => zeros(shape, { dtype }) });
  });
  test("take and give tensors, or arrays of them", () => {
    expectTypeOf(new layers.Dense({ units: 1 }).apply(zeros([1, 1]))).toEqualTypeOf<Tensor>();
    // @ts-expect-error it takes one tensor
    void new layers.Dense({ units: 1 }).apply([zeros([1, 1])]);
    // @ts-expect-error no such option
    void new layers.Dense({ units: 1 }).apply(zeros([1, 1]), { trainig: true });
  });
  test("give the states when asked for", () => {
    const x = zeros([1, 2, 3]);
    expectTypeOf(new layers.LSTM({ units: 1 }).apply(x)).toEqualTypeOf<Tensor>();
    expectTypeOf(new layers.LSTM({ units: 1, returnState: true }).apply(x)).toEqualTypeOf<Tensor[]>();
    const both = new layers.Bidirectional({ layer: new layers.GRU({ units: 1 }) });
    expectTypeOf(both.apply(x)).toEqualTypeOf<Tensor>();
    const apart = new layers.Bidirectional({ layer: new layers.GRU({ units: 1 }), mergeMode: null });
    expectTypeOf(apart.apply(x)).toEqualTypeOf<Tensor[]>();
    void new Sequential([new layers.SimpleRNN({ units: 1 }), both, new layers.TimeDistributed({ layer: both })]);
    // @ts-expect-error it gives several tensors
    void new Sequential([new layers.LSTM({ units: 1, returnState: true })]);
  });
  test("may be the user's", () => {
    class Twice extends layers.Layer {
      call(x: Tensor): Tensor {
        return x.mul(2);
      }
    }
    expectTypeOf(new Twice().apply(zeros([1]))).toEqualTypeOf<Tensor>();
    expectTypeOf<layers.BatchShape>().toEqualTypeOf<readonly (number | null)[]>();
    class Noise extends layers.Layer {
      call(x: Tensor, { training, mask }: layers.CallOptions): Tensor {
        return training && mask ? x.mul(2) : x;
      }
    }
    expectTypeOf(new Noise().apply(zeros([1]), { training: true })).toEqualTypeOf<Tensor>();
    class Halves extends layers.Layer<Tensor, Tensor[]> {
      call(x: Tensor): Tensor[] {
        return x.split(2);
      }
    }
    expectTypeOf(new Halves().apply(zeros([2]))).toEqualTypeOf<Tensor[]>();
    // @ts-expect-error it gives several tensors
    void new Sequential([new Halves()]);
    // @ts-expect-error a layer computes something
    class Nothing extends layers.Layer {}
    void Nothing;
  });
});

describe("training", () => {
  test("takes names, objects and functions", () => {
    model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
    model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
    const loss = new losses.BinaryCrossentropy({ fromLogits: true });
    model.compile({ optimizer: new optimizers.SGD({ momentum: 0.9 }), loss, metrics: [new metrics.BinaryAccuracy()] });
    model.compile({ optimizer: "adam", loss: (yTrue, yPred) => yTrue.sub(yPred).square() });
    // @ts-expect-error no such optimizer
    model.compile({ optimizer: "adem", loss: "meanSquaredError" });
    // @ts-expect-error no such loss
    model.compile({ optimizer: "adam", loss: "mean_squared_error" });
    // @ts-expect-error no such metric
    model.compile({ optimizer: "adam", loss: "meanSquaredError", metrics: ["acuracy"] });
    // @ts-expect-error a loss is needed
    model.compile({ optimizer: "adam" });
  });
  test("gives a History and figures", () => {
    expectTypeOf(model.fit([[1]], [1])).toEqualTypeOf<Promise<History>>();
    expectTypeOf<History["history"]>().toEqualTypeOf<Record<string, number[]>>();
    expectTypeOf(model.evaluate(zeros([1, 1]), new Int32Array(1))).toEqualTypeOf<Promise<Record<string, number>>>();
    expectTypeOf(model.predict(zeros([1, 1]))).toEqualTypeOf<Promise<Tensor>>();
    // @ts-expect-error no such option
    void model.fit(zeros([1, 1]), zeros([1]), { epoch: 1 });
    const callback: Callback = { onEpochEnd: (epoch, logs) => void [epoch.toFixed(), logs["loss"]] };
    void model.fit(zeros([1, 1]), zeros([1]), { callbacks: [callback], signal: AbortSignal.timeout(1), verbose: 0 });
    // @ts-expect-error no such level
    void model.fit(zeros([1, 1]), zeros([1]), { verbose: 3 });
  });
  test("takes datasets, whose elements keep their form", () => {
    const dataset = data.Dataset.fromTensors([zeros([4, 1]), [1, 2, 3, 4]]);
    expectTypeOf(dataset.batch(2)).toEqualTypeOf<data.Dataset<[Tensor, Tensor]>>();
    const generated = data.Dataset.fromGenerator(function* () {
      yield [Float32Array.of(1), 1] as const;
    });
    expectTypeOf(generated.batch(2)).toEqualTypeOf<data.Dataset<[Tensor, Tensor]>>();
    expectTypeOf(generated.map(([x]) => x)).toEqualTypeOf<data.Dataset<Float32Array<ArrayBuffer>>>();
    expectTypeOf(data.Dataset.fromTensors({ a: [1], b: zeros([1]) })).toEqualTypeOf<
      data.Dataset<{ readonly a: Tensor; readonly b: Tensor }>
    >();
    expectTypeOf(model.fit(dataset.batch(2), { epochs: 2, stepsPerEpoch: 3 })).toEqualTypeOf<Promise<History>>();
    expectTypeOf(model.evaluate(dataset)).toEqualTypeOf<Promise<Record<string, number>>>();
    expectTypeOf(model.predict(dataset)).toEqualTypeOf<Promise<Tensor>>();
    expectTypeOf(model.train(dataset)).toEqualTypeOf<AsyncGenerator<TrainEvent, void, void>>();
    // @ts-expect-error train prints nothing
    void model.train(dataset, { verbose: 0 });
    void model.fit([[1]], [1], { sampleWeight: [1], validationData: [[[1]], [1], [1]] });
    // @ts-expect-error weights are numbers
    void model.fit([[1]], [1], { classWeight: { 0: "more" } });
    // @ts-expect-error no such option
    void new callbacks.EarlyStopping({ patiance: 3 });
  });
  test("datasets have tensors of known dtypes", () => {
    type Digits = Awaited<ReturnType<typeof datasets.mnist>>["train"];
    expectTypeOf<Digits["x"]>().toEqualTypeOf<Tensor<"float32">>();
    expectTypeOf<Digits["y"]>().toEqualTypeOf<Tensor<"int32">>();
  });
});

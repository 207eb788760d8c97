import { describe, expect, it } from "vitest";
import { NablaError, Sequential, Model, layers, ones, setSeed, tensor, zeros, type Tensor } from "nabla";

const { Activation, Conv2D, Dense, Dropout, Flatten, InputLayer, MaxPooling2D } = layers;

/** A layer of the user that does not say its output shape. */
class Doubled extends layers.Layer {
  call(x: Tensor): Tensor {
    return x.mul(2).reshape([x.shape[0]!, -1]);
  }
}

function small(): Sequential {
  return new Sequential(
    [
      new Conv2D({ filters: 4, kernelSize: 3, inputShape: [8, 8, 2], name: "conv" }),
      new MaxPooling2D({ name: "pool" }),
      new Flatten({ name: "flat" }),
      new Dense({ units: 1000, activation: "softmax", name: "head" }),
    ],
    { name: "net" },
  );
}

describe("building", () => {
  it("happens at once with an inputShape", () => {
    const model = small();
    expect(model.built).toBe(true);
    expect([model.inputShape, model.outputShape]).toEqual([
      [null, 8, 8, 2],
      [null, 1000],
    ]);
    expect(model.weights.map((weight) => weight.shape)).toEqual([[3, 3, 2, 4], [4], [36, 1000], [1000]]);
    expect(model.countParams()).toBe(76 + 37_000);
    expect(model.computeOutputShape([null, 8, 8, 2])).toEqual([null, 1000]);
  });

  it("happens with the first data without one", () => {
    const model = new Sequential([new Flatten(), new Dense({ units: 3 })]);
    expect(model.built).toBe(false);
    expect(model.apply(ones([2, 3, 4])).shape).toEqual([2, 3]);
    expect(model.outputShape).toEqual([null, 3]);
    expect(model.countParams()).toBe(39);
  });

  it("may be asked for, or stated by an InputLayer", () => {
    const model = new Sequential([new Dense({ units: 3 })]);
    model.build([null, 5]);
    expect(model.countParams()).toBe(18);
    const stated = new Sequential([new InputLayer({ shape: [5] }), new Dense({ units: 3 })]);
    expect(stated.countParams()).toBe(18);
    expect(stated.layers).toHaveLength(1);
  });

  it("goes on with layers that are added later", () => {
    const model = new Sequential([new Dense({ units: 3, inputShape: [2] })]);
    model.add(new Dense({ units: 4 })).add(new Activation({ activation: "relu" }));
    expect(model.outputShape).toEqual([null, 4]);
    expect(model.weights).toHaveLength(4);
  });

  it("finds out the shape behind a layer that does not say it", () => {
    const model = new Sequential([new Doubled({ inputShape: [3, 4] }), new Dense({ units: 2 })]);
    expect(model.outputShape).toEqual([null, 2]);
    expect(model.weights[0]!.shape).toEqual([12, 2]);
    expect(() => new Sequential([new Doubled({ inputShape: [null, 4], name: "open" })])).toThrow(
      "open: the output shape for [null,null,4] is not known: define computeOutputShape in its class",
    );
  });

  it("takes models as layers", () => {
    const inner = new Sequential([new Dense({ units: 3, inputShape: [2], activation: "relu" })]);
    const outer = new Sequential([inner, new Dense({ units: 1 })]);
    expect(outer.weights).toHaveLength(4);
    expect(outer.apply(zeros([5, 2])).shape).toEqual([5, 1]);
    inner.trainable = false;
    expect(outer.trainableWeights).toHaveLength(2);
  });

  it("works for a model of the user", () => {
    class Net extends Model {
      readonly hidden = new Dense({ units: 4, activation: "tanh" });
      readonly out = new Dense({ units: 2 });
      override call(x: Tensor): Tensor {
        return this.out.apply(this.hidden.apply(x));
      }
    }
    const net = new Net();
    expect(() => net.countParams()).toThrow("weights: the model is not built");
    net.build([null, 3]);
    expect(net.countParams()).toBe(26);
    expect(net.apply(ones([5, 3])).shape).toEqual([5, 2]);
  });
});

describe("mistakes", () => {
  const before = (): Sequential => new Sequential([new Dense({ units: 3 })], { name: "m" });
  const pair = [new Dense({ units: 1, name: "same" }), new Dense({ units: 1, name: "same" })];
  it.each<[string, () => unknown, string]>([
    [
      "weights before the shape is known",
      () => before().weights,
      "weights: the model is not built: the input shape of m is not known",
    ],
    ["parameters", () => before().parameters(), "trainableWeights: the model is not built"],
    ["summary", () => before().summary(), "summary: the model is not built"],
    [
      "countParams",
      () => before().countParams(),
      "give its first layer an inputShape, call build([null, …]), or call the model once",
    ],
    ["getWeights", () => before().getWeights(), "the model is not built"],
    [
      "no layers",
      () => new Sequential([], { name: "m" }).apply(zeros([1, 2])),
      "m: there are no layers: call add(layer) first",
    ],
    [
      "no list",
      () => new Sequential(new Dense({ units: 1 }) as never),
      "Sequential: the layers are not an array: Dense, expected [layer, …]",
    ],
    [
      "no layer",
      () => new Sequential([new Flatten(), 3 as never], { name: "m" }),
      "m: element 1 is not a layer: 3, expected one such as",
    ],
    ["one name twice", () => new Sequential(pair, { name: "m" }), 'm: two layers have the name "same"'],
    [
      "an unknown option",
      () => new Sequential([], { nme: "x" } as never),
      'Sequential: unknown option: "nme", did you mean "name"?',
    ],
    [
      "layers that do not fit",
      () =>
        new Sequential([
          new Dense({ units: 3, inputShape: [2] }),
          new Conv2D({ filters: 1, kernelSize: 1, name: "c" }),
        ]),
      "c: the input does not fit: its shape is [null,3], expected [*,*,*,*]",
    ],
    [
      "data that do not fit",
      () => small().apply(zeros([1, 8, 8, 3])),
      "conv: the input does not fit: its shape is [1,8,8,3], expected [*,*,*,2]",
    ],
    ["an unknown layer", () => small().getLayer("heed"), 'net: unknown layer: "heed", did you mean "head"?'],
  ])("%s", (_, use, message) => {
    expect(use).toThrow(NablaError);
    expect(use).toThrow(message);
  });

  it("leave the model as it was", () => {
    const model = new Sequential([new Dense({ units: 3, inputShape: [2] })]);
    expect(() => model.add(new MaxPooling2D())).toThrow("does not fit");
    expect(model.layers).toHaveLength(1);
    model.add(new Dense({ units: 4 }));
    expect(model.apply(zeros([1, 2])).shape).toEqual([1, 4]);
  });
});

describe("summary", () => {
  it("shows layers, shapes and parameters", () => {
    const lines: string[] = [];
    const model = small();
    model.getLayer("conv").trainable = false;
    model.summary({ printFn: (line) => lines.push(line) });
    expect(lines).toEqual([
      'Model: "net"',
      "┌─────────────────────┬─────────────────┬────────┬───────────┐",
      "│ Layer (type)        │ Output shape    │ Params │ Trainable │",
      "├─────────────────────┼─────────────────┼────────┼───────────┤",
      "│ conv (Conv2D)       │ [null, 6, 6, 4] │     76 │ no        │",
      "│ pool (MaxPooling2D) │ [null, 3, 3, 4] │      0 │ -         │",
      "│ flat (Flatten)      │ [null, 36]      │      0 │ -         │",
      "│ head (Dense)        │ [null, 1000]    │ 37,000 │ yes       │",
      "└─────────────────────┴─────────────────┴────────┴───────────┘",
      "Total params: 37,076 (144.83 KB)",
      "Trainable params: 37,000 (144.53 KB)",
      "Non-trainable params: 76 (304 B)",
    ]);
  });
});

describe("weights", () => {
  it("are copied out and in", () => {
    setSeed(1);
    const model = small();
    const saved = model.getWeights();
    const original = saved.map((weight) => weight.dataSync());
    model.setWeights(model.weights.map((weight) => zeros(weight.shape)));
    expect(model.weights[0]!.dataSync().every((value) => value === 0)).toBe(true);
    expect(saved[0]!.dataSync()).toEqual(original[0]);
    model.setWeights(saved);
    expect(model.weights.map((weight) => weight.dataSync())).toEqual(original);
    expect(model.weights[0]!.requiresGrad).toBe(true);
  });

  it("may come as arrays, of another dtype too", () => {
    const model = new Sequential([new Dense({ units: 2, inputShape: [1] })]);
    model.setWeights([[[1, 2]], Float64Array.of(3, 4)]);
    expect(model.weights.map((weight) => weight.toArraySync())).toEqual([[[1, 2]], [3, 4]]);
    model.setWeights([tensor(Int32Array.of(5, 6), { shape: [1, 2] }), [7, 8]]);
    expect(model.weights.map((weight) => weight.toArraySync())).toEqual([[[5, 6]], [7, 8]]);
  });

  it.each<[unknown, string]>([
    [[[[9, 9]]], "setWeights: the number of weights differs: 1 values, the model has 2"],
    [3, "setWeights: the number of weights differs: no array, the model has 2"],
    [[[[9, 9]], [9, 9, 9]], "setWeights: value 1 does not fit: it has the shape [3], the weight has the shape [2]"],
    [
      [[[9, 9]], Float32Array.of(9)],
      "setWeights: value 1 does not fit: it has 1 elements, the weight has the shape [2]",
    ],
  ])("%j do not fit and change nothing", (values, message) => {
    const model = new Sequential([new Dense({ units: 2, inputShape: [1], kernelInitializer: "ones" })]);
    expect(() => model.setWeights(values as never)).toThrow(message);
    expect(model.weights[0]!.toArraySync()).toEqual([[1, 1]]);
  });
});

describe("calls", () => {
  it("are inference unless training is asked for", () => {
    const model = new Sequential([new Dropout({ rate: 0.5, inputShape: [1000] })]);
    const x = ones([1, 1000]);
    expect(
      model
        .apply(x)
        .dataSync()
        .every((value) => value === 1),
    ).toBe(true);
    expect(model.apply(x, { training: true }).dataSync().includes(0)).toBe(true);
  });
});

import { describe, expect, it } from "vitest";
import { NablaError, ShapeError, layers, memory, ones, tensor, tidy, zeros, type Tensor } from "nabla";

/** x * scale, with a weight of its own; it does not define computeOutputShape. */
class Scale extends layers.Layer {
  scale: Tensor | undefined;
  builds = 0;
  override build(inputShape: layers.BatchShape): void {
    this.builds++;
    this.scale = this.addWeight({ name: "scale", shape: [inputShape.at(-1)!], initializer: "ones" });
  }
  call(x: Tensor): Tensor {
    return x.mul(this.scale!);
  }
}

/** Layers in fields and arrays belong to the layer that holds them. */
class Block extends layers.Layer {
  readonly first = new layers.Dense({ units: 3, name: "first" });
  readonly rest = [new layers.Dense({ units: 4, useBias: false, name: "second" })];
  call(x: Tensor): Tensor {
    let y = this.first.apply(x);
    for (const layer of this.rest) y = layer.apply(y);
    return y;
  }
}

describe("names", () => {
  it("are the class's as Keras spells them, numbered from the second on", () => {
    class HTTPScaler2D extends Scale {}
    expect([1, 2, 3].map(() => new HTTPScaler2D().name)).toEqual([
      "http_scaler2d",
      "http_scaler2d_1",
      "http_scaler2d_2",
    ]);
    expect(new layers.MaxPooling2D().name).toMatch(/^max_pooling2d(_\d+)?$/);
    expect(new layers.Conv2D({ filters: 1, kernelSize: 1 }).name).toMatch(/^conv2d(_\d+)?$/);
  });

  it("may be chosen", () => {
    expect(new layers.Flatten({ name: "pixels" }).name).toBe("pixels");
    expect(() => new layers.Flatten({ name: "" })).toThrow('Flatten: name is wrong: "", expected a string');
  });
});

describe("a layer of the user", () => {
  it("builds its weights once, on first use", () => {
    const layer = new Scale();
    expect(layer.built).toBe(false);
    expect(layer.weights).toEqual([]);
    expect(layer.apply(tensor([[1, 2]])).toArraySync()).toEqual([[1, 2]]);
    layer.apply(tensor([[3, 4]]));
    layer.build([null, 2]);
    expect(layer.builds).toBe(1);
    expect(layer.weights.map((weight) => weight.shape)).toEqual([[2]]);
    expect(layer.countParams()).toBe(2);
  });

  it("keeps what it builds when its first call is inside of a tidy", () => {
    const layer = new Scale();
    tidy(() => {
      layer.apply(ones([1, 2]));
    });
    expect(layer.scale!.disposed).toBe(false);
    expect(layer.apply(tensor([[5, 6]])).toArraySync()).toEqual([[5, 6]]);
  });

  it("trains: its weight gets a gradient", () => {
    const layer = new Scale();
    layer
      .apply(
        tensor([
          [1, 2],
          [3, 4],
        ]),
      )
      .sum()
      .backward();
    expect(layer.scale!.grad!.toArraySync()).toEqual([4, 6]);
  });

  it("owns the weights of the layers in its fields", () => {
    const block = new Block();
    block.apply(zeros([1, 2]));
    expect(block.weights.map((weight) => weight.shape)).toEqual([[2, 3], [3], [3, 4]]);
    expect(block.parameters()).toEqual(block.weights);
    block.trainable = false;
    expect(block.trainableWeights).toEqual([]);
    expect(block.nonTrainableWeights).toHaveLength(3);
    expect(block.first.kernel!.requiresGrad).toBe(false);
    block.trainable = true;
    expect(block.first.kernel!.requiresGrad).toBe(true);
    expect(block.trainableWeights).toHaveLength(3);
  });

  it("has weights that training leaves alone", () => {
    class Counter extends layers.Layer {
      override build(): void {
        this.addWeight({ name: "count", shape: [], initializer: "zeros", trainable: false });
      }
      call(x: Tensor): Tensor {
        return x;
      }
    }
    const layer = new Counter();
    layer.apply(zeros([1]));
    expect([layer.weights.length, layer.trainableWeights.length, layer.nonTrainableWeights.length]).toEqual([1, 0, 1]);
    layer.trainable = true;
    expect(layer.weights[0]!.requiresGrad).toBe(false);
  });

  it("says that its output shape is not known", () => {
    const layer = new Scale({ name: "mine" });
    expect(layer.knowsOutputShape).toBe(false);
    expect(() => layer.computeOutputShape([null, 2])).toThrow(
      "mine: the output shape is not known before a call: define computeOutputShape in Scale",
    );
  });

  it("copies the tensor that an initializer of the user gives", () => {
    const values = tensor([1, 2]);
    const dense = new layers.Dense({ units: 2, inputShape: [3], biasInitializer: () => values });
    dense.build([null, 3]);
    expect(dense.bias!.toArraySync()).toEqual([1, 2]);
    expect(dense.bias).not.toBe(values);
    expect(values.requiresGrad).toBe(false);
  });

  it("must have initializers that give what was asked for", () => {
    class Wrong extends layers.Layer {
      override build(): void {
        this.addWeight({ name: "w", shape: [2], initializer: () => zeros([3]) });
      }
      call(x: Tensor): Tensor {
        return x;
      }
    }
    expect(() => new Wrong({ name: "wrong" }).apply(zeros([1]))).toThrow(
      "wrong: the initializer gave another tensor: it is float32 [3], expected float32 [2]",
    );
  });
});

describe("inputs", () => {
  it("of another dtype are cast to the layer's", () => {
    const dense = new layers.Dense({ units: 2, kernelInitializer: "ones" });
    const y = dense.apply(tensor(Uint8Array.of(1, 2, 3), { shape: [1, 3] }));
    expect(y.dtype).toBe("float32");
    expect(y.toArraySync()).toEqual([[6, 6]]);
    const flat = new layers.Flatten().apply(tensor(Int32Array.of(1, 2), { shape: [1, 2, 1] }));
    expect(flat.dtype).toBe("int32");
  });

  it("may be float64 throughout", () => {
    const dense = new layers.Dense({ units: 2, dtype: "float64" });
    expect(dense.apply(ones([1, 3])).dtype).toBe("float64");
    expect(dense.weights.map((weight) => weight.dtype)).toEqual(["float64", "float64"]);
  });

  it("that do not fit are refused with the layer's name and both shapes", () => {
    const dense = new layers.Dense({ units: 2, name: "head" });
    dense.build([null, 4]);
    expect(() => dense.apply(zeros([2, 5]))).toThrow(ShapeError);
    expect(() => dense.apply(zeros([2, 5]))).toThrow(
      "head: the input does not fit: its shape is [2,5], expected […,*,4]",
    );
    expect(() => dense.apply(zeros([4]))).toThrow("head: the input does not fit: its shape is [4], expected […,*,4]");
    const conv = new layers.Conv2D({ filters: 2, kernelSize: 3, name: "conv" });
    expect(() => conv.apply(zeros([28, 28, 1]))).toThrow(
      "conv: the input does not fit: its shape is [28,28,1], expected [*,*,*,*]",
    );
    conv.build([null, 28, 28, 3]);
    expect(() => conv.apply(zeros([1, 28, 28, 1]))).toThrow(
      "conv: the input does not fit: its shape is [1,28,28,1], expected [*,*,*,3]",
    );
    expect(() => new layers.MaxPooling2D({ name: "pool" }).apply(zeros([2, 2]))).toThrow(
      "pool: the input does not fit: its shape is [2,2], expected [*,*,*,*]",
    );
    expect(() => new layers.Dense({ units: 1, name: "open" }).build([null, null])).toThrow(
      "open: axis -1 of the input must be known to build the weights: the input is [null,null]",
    );
    const input = new layers.InputLayer({ shape: [2, null], name: "input" });
    expect(input.apply(zeros([5, 2, 7])).shape).toEqual([5, 2, 7]);
    expect(() => input.apply(zeros([5, 3, 7]))).toThrow(
      "input: the input does not fit: its shape is [5,3,7], expected [*,2,*]",
    );
  });

  it("must be tensors that were not disposed", () => {
    const dense = new layers.Dense({ units: 2, name: "strict" });
    expect(() => dense.apply([[1]] as never)).toThrow("strict: not a tensor: [[1]], expected a Tensor");
    const gone = zeros([1, 2]);
    gone.dispose();
    expect(() => dense.apply(gone)).toThrow("strict: the tensor was disposed: its shape was [1,2]");
  });
});

describe("wrong options", () => {
  const { Activation, Conv2D, Dense, Dropout, InputLayer, MaxPooling2D } = layers;
  const cases: [string, () => unknown, string][] = [
    ["units", () => new Dense({ units: 0, name: "d" }), "d: units is wrong: 0, expected a positive integer"],
    ["units", () => new Dense({ units: NaN, name: "d" }), "d: units is wrong: NaN, expected a positive integer"],
    ["units", () => new Dense({ units: 2.5, name: "d" }), "d: units is wrong: 2.5, expected a positive integer"],
    ["units", () => new Dense({ name: "d" } as never), "d: units is wrong: undefined, expected a positive integer"],
    ["an option", () => new Dense({ unit: 3 } as never), 'Dense: unknown option: "unit", did you mean "units"?'],
    ["options", () => new Dense(3 as never), "Dense: the options are not an object: 3, expected {"],
    [
      "activation",
      () => new Dense({ units: 1, name: "d", activation: "rleu" as never }),
      'd: unknown activation: "rleu", did you mean "relu"?',
    ],
    [
      "activation",
      () => new Activation({ name: "a", activation: "swishy-washy" as never }),
      'a: unknown activation: "swishy-washy", expected one of linear, relu, sigmoid, softmax, tanh, exponential, logSoftmax, leakyRelu, elu, selu, silu, gelu, softplus',
    ],
    [
      "activation",
      () => new Dense({ units: 1, name: "d", activation: 3 as never }),
      "d: activation is wrong: 3, expected a name or a function",
    ],
    [
      "useBias",
      () => new Dense({ units: 1, name: "d", useBias: 1 as never }),
      "d: useBias is wrong: 1, expected true or false",
    ],
    [
      "initializer",
      () => new Dense({ units: 1, name: "d", kernelInitializer: "glorot_uniform" as never }).build([null, 2]),
      'd: unknown initializer: "glorot_uniform", did you mean "glorotUniform"?',
    ],
    [
      "initializer",
      () => new Dense({ units: 1, name: "d", biasInitializer: 7 as never }).build([null, 2]),
      "d: initializer is wrong: 7, expected a name or an instance of Initializer",
    ],
    [
      "dtype",
      () => new Dense({ units: 1, name: "d", dtype: "int32" as never }),
      'd: dtype is wrong: "int32", expected "float32" or "float64"',
    ],
    [
      "trainable",
      () => new Dense({ units: 1, name: "d", trainable: "no" as never }),
      'd: trainable is wrong: "no", expected true or false',
    ],
    [
      "inputShape",
      () => new Dense({ units: 1, name: "d", inputShape: [-1] }),
      "d: inputShape is wrong: [-1], expected an array of positive integers, or null for a size that is not known",
    ],
    [
      "filters",
      () => new Conv2D({ filters: -1, kernelSize: 3, name: "c" }),
      "c: filters is wrong: -1, expected a positive",
    ],
    [
      "kernelSize",
      () => new Conv2D({ filters: 1, kernelSize: [3] as never, name: "c" }),
      "c: kernelSize is out of range: [3]",
    ],
    [
      "strides",
      () => new Conv2D({ filters: 1, kernelSize: 3, strides: 0, name: "c" }),
      "c: strides is out of range: 0",
    ],
    [
      "padding",
      () => new Conv2D({ filters: 1, kernelSize: 3, padding: "full" as never, name: "c" }),
      'c: unknown padding: "full"',
    ],
    [
      "groups",
      () => new Conv2D({ filters: 3, kernelSize: 3, groups: 2, name: "c" }),
      "c: the filters do not divide into groups: 3 by 2",
    ],
    [
      "groups",
      () => new Conv2D({ filters: 2, kernelSize: 3, groups: 2, name: "c" }).build([null, 8, 8, 3]),
      "c: the channels do not divide into groups: 3 by 2",
    ],
    [
      "dataFormat",
      () => new MaxPooling2D({ dataFormat: "NCHW" as never, name: "p" }),
      'p: unknown dataFormat: "NCHW", expected one of channelsLast, channelsFirst',
    ],
    ["poolSize", () => new MaxPooling2D({ poolSize: 1.5, name: "p" }), "p: poolSize is out of range: 1.5"],
    ["rate", () => new Dropout({ rate: 1, name: "o" }), "o: rate is wrong: 1, expected a number from 0 to below 1"],
    ["rate", () => new Dropout({ rate: NaN, name: "o" }), "o: rate is wrong: NaN, expected a number from 0 to below 1"],
    [
      "shape",
      () => new InputLayer({ shape: 3 as never }),
      "InputLayer: shape is wrong: 3, expected an array of positive",
    ],
  ];
  it.each(cases)("%s", (_, make, message) => {
    expect(make).toThrow(message);
    expect(make).toThrow(NablaError);
  });
});

describe("memory", () => {
  it("holds nothing but the weights after a call in a tidy", () => {
    const dense = new layers.Dense({ units: 4 });
    const x = ones([2, 3]);
    tidy(() => void dense.apply(x));
    const { tensors } = memory();
    tidy(() => void dense.apply(x));
    expect(memory().tensors).toBe(tensors);
  });
});

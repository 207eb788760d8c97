import { describe, expect, it } from "vitest";
import { ArgumentError, FormatError, Model, applications, io, layers, zeros, type Tensor } from "nabla";
import type { ApplicationOptions } from "../../src/ts/applications/application.js";
import { vgg, type VggSizes } from "../../src/ts/applications/vgg.js";
import { hashOf, makeImages, makeWeights, product, readCases } from "../fixtures/applications.js";
import { checkCase } from "../support/applications.js";
import { failureOf, workFolder } from "../support/safetensors.js";

const { at } = workFolder();

// As in torchvision_vgg.py and keras_applications.py.
const SIZES: VggSizes = {
  name: "small",
  blocks: [
    [2, 2],
    [2, 2],
    [3, 3],
    [3, 3],
    [3, 4],
  ],
  units: 6,
};
const SIDE = 64;
const CLASSES = 3;
const small = (options: ApplicationOptions = {}): Promise<Model> =>
  vgg("applications.small", SIZES, {
    inputShape: [SIDE, SIDE, 3],
    classes: CLASSES,
    classifierActivation: null,
    ...options,
  });

/** The names and shapes of torchvision's. */
function torchShapes(): Map<string, number[]> {
  const shapes = new Map<string, number[]>();
  const add = (name: string, shape: number[]): void =>
    void shapes.set(`${name}.weight`, shape).set(`${name}.bias`, [shape[0]!]);
  let place = 0;
  let channels = 3;
  for (const [convolutions, filters] of SIZES.blocks) {
    for (let c = 0; c < convolutions; c++, place += 2, channels = filters) {
      add(`features.${place}`, [filters, channels, 3, 3]);
    }
    place++;
  }
  const { units } = SIZES;
  add("classifier.0", [units, channels * (SIDE / 32) ** 2]);
  add("classifier.3", [units, units]);
  add("classifier.6", [CLASSES, units]);
  return shapes;
}

/** The same of Keras'. */
function kerasShapes(): Map<string, number[]> {
  const shapes = new Map<string, number[]>();
  const add = (name: string, shape: number[]): void =>
    void shapes.set(`${name}/kernel`, shape).set(`${name}/bias`, [shape.at(-1)!]);
  let channels = 3;
  SIZES.blocks.forEach(([convolutions, filters], b) => {
    for (let c = 1; c <= convolutions; c++, channels = filters) {
      add(`block${b + 1}_conv${c}`, [3, 3, channels, filters]);
    }
  });
  const { units } = SIZES;
  add("fc1", [channels * (SIDE / 32) ** 2, units]);
  add("fc2", [units, units]);
  add("predictions", [units, CLASSES]);
  return shapes;
}

const torchWeights = (): Map<string, Tensor> => makeWeights(torchShapes(), (_, shape) => product(shape.slice(1)));
const kerasWeights = (): Map<string, Tensor> => makeWeights(kerasShapes(), (_, shape) => product(shape.slice(0, -1)));

/** Where torchvision has the weight of each of Keras' names. */
function torchNames(): Map<string, string> {
  const names = [...torchShapes().keys()];
  return new Map([...kerasShapes().keys()].map((name, i) => [name, names[i]!]));
}

async function fileOf(name: string, tensors: ReadonlyMap<string, Tensor>): Promise<string> {
  await io.saveSafetensors(at(name), tensors);
  return at(name);
}

const DTYPES = ["float32", "float64"] as const;

describe("a small VGG with seeded weights gives logits and gradients of", () => {
  it.each(DTYPES)("torchvision, from a file with its names and layouts, in %s", async (dtype) => {
    const expected = readCases<"vgg">("torchvision_vgg").vgg;
    expect(hashOf(torchShapes())).toBe(expected.weights);
    const model = await small({ weights: await fileOf("torch.safetensors", torchWeights()), dtype });
    const names = torchNames();
    await checkCase(model, expected, (name, gradient) => {
      const torch = names.get(name)!;
      if (gradient.rank === 4) return [torch, gradient.transpose([3, 2, 0, 1])];
      if (name !== "fc1/kernel") return [torch, gradient.rank === 2 ? gradient.transpose() : gradient];
      const side = SIDE / 32;
      const maps = gradient.reshape([side, side, SIZES.blocks.at(-1)![1], SIZES.units]).transpose([3, 2, 0, 1]);
      return [torch, maps.reshape([SIZES.units, -1])];
    });
  });

  it.each(DTYPES)("Keras, from a file with its names, in %s", async (dtype) => {
    const expected = readCases<"vgg">("keras_applications").vgg;
    expect(hashOf(kerasShapes())).toBe(expected.weights);
    const model = await small({ weights: await fileOf("keras.safetensors", kerasWeights()), dtype });
    expect(new Map([...model.namedWeights()].map(([name, { shape }]) => [name, shape]))).toEqual(kerasShapes());
    await checkCase(model, expected);
  });

  it("Keras, from a file whose names end in :0", async () => {
    const renamed = new Map([...kerasWeights()].map(([name, weight]) => [`${name}:0`, weight]));
    const model = await small({ weights: await fileOf("keras0.safetensors", renamed) });
    await checkCase(model, readCases<"vgg">("keras_applications").vgg);
  });
});

describe("without the top", () => {
  it.each([
    ["torchvision", torchWeights],
    ["Keras", kerasWeights],
  ] as const)("the classifier in a file of %s is left aside", async (name, make) => {
    const weights = await fileOf(`${name}.safetensors`, make());
    const whole = (await small({ weights })).namedWeights();
    const base = await small({ weights, includeTop: false, inputShape: [40, 33, 3] });
    expect(base.output.shape).toEqual([null, 1, 1, 4]);
    expect(base.namedWeights().size).toBe(2 * 13);
    for (const [path, weight] of base.namedWeights()) {
      expect(weight.toArraySync(), `${path}`).toEqual(whole.get(path)!.toArraySync());
    }
  });

  it("images of any size are taken, and their features pooled", async () => {
    const weights = await fileOf("any.safetensors", kerasWeights());
    const options = { weights, includeTop: false, inputShape: [null, null, 3] };
    const x = makeImages([1, 70, 100, 3]);
    const features = (await small(options)).apply(x);
    expect(features.shape).toEqual([1, 2, 3, 4]);
    const average = (await small({ ...options, pooling: "avg" })).apply(x);
    // Six summands in another order.
    expect(
      await average
        .sub(features.mean({ axis: [1, 2] }))
        .abs()
        .max()
        .item(),
    ).toBeLessThan(1e-6);
    const largest = (await small({ ...options, pooling: "max" })).apply(x);
    expect(largest.toArraySync()).toEqual(features.max({ axis: [1, 2] }).toArraySync());
  });
});

describe("files of other floats", () => {
  it.each([
    ["float16", torchWeights],
    ["bfloat16", torchWeights],
    ["float64", torchWeights],
    ["float16", kerasWeights],
  ] as const)("are cast: %s", async (dtype, make) => {
    const stored = new Map([...make()].map(([name, weight]) => [name, weight.cast(dtype) as Tensor]));
    const rounded = new Map([...stored].map(([name, weight]) => [name, weight.cast("float32") as Tensor]));
    const model = await small({ weights: await fileOf(`${dtype}.safetensors`, stored) });
    const wanted = await small({ weights: await fileOf("rounded.safetensors", rounded) });
    for (const [name, weight] of model.namedWeights()) {
      expect(weight.dtype).toBe("float32");
      expect(weight.toArraySync(), `${name}`).toEqual(wanted.namedWeights().get(name)!.toArraySync());
    }
  });

  it("are cast for a base of float64, whose layers all are", async () => {
    const weights = await fileOf("float32.safetensors", kerasWeights());
    for (const pooling of ["avg", "max", null] as const) {
      const base = await small({ weights, includeTop: false, pooling, dtype: "float64" });
      expect([base, base.input, ...base.layers].map(({ dtype }) => dtype)).not.toContain("float32");
      expect(base.apply(makeImages([1, SIDE, SIDE, 3])).dtype).toBe("float64");
      for (const [name, weight] of base.namedWeights()) {
        expect(weight.dtype).toBe("float64");
        expect(weight.toArraySync(), `${name}`).toEqual(kerasWeights().get(name)!.toArraySync());
      }
    }
  });
});

describe("applications.VGG16 and VGG19", () => {
  it.each([
    ["vgg16", applications.VGG16, 13, 14_714_688],
    ["vgg19", applications.VGG19, 16, 20_024_384],
  ] as const)("%s has Keras' layers and numbers of parameters", async (name, make, convolutions, parameters) => {
    const base = await make({ includeTop: false });
    expect(base.name).toBe(name);
    expect(base.input.shape).toEqual([null, null, null, 3]);
    expect(base.layers.filter((layer) => layer instanceof layers.Conv2D).length).toBe(convolutions);
    expect(base.countParams()).toBe(parameters);
    expect(base.layers.slice(1, 5).map((layer) => layer.name)).toEqual([
      "block1_conv1",
      "block1_conv2",
      "block1_pool",
      "block2_conv1",
    ]);
    expect(base.layers.at(-1)!.name).toBe("block5_pool");
  });

  it("the base can be frozen, and be given another head", async () => {
    const base = await applications.VGG16({ includeTop: false, inputShape: [32, 32, 3], name: "base" });
    base.trainable = false;
    const x = new layers.Dense({ units: 10, activation: "softmax" }).apply(new layers.Flatten().apply(base.output));
    const model = new Model({ inputs: base.input, outputs: x });
    expect(base.name).toBe("base");
    expect(model.outputShape).toEqual([null, 10]);
    expect(model.trainableWeights.map(({ shape }) => shape)).toEqual([[512, 10], [10]]);
    expect(model.countParams()).toBe(14_714_688 + 5130);
  });

  it("the top is that of Keras, with softmax unless told otherwise", async () => {
    const model = await small({ classifierActivation: "softmax" });
    expect(model.layers.slice(-4).map((layer) => layer.name)).toEqual(["flatten", "fc1", "fc2", "predictions"]);
    const probabilities = model.apply(makeImages([2, SIDE, SIDE, 3]));
    for (const row of probabilities.sum({ axis: -1 }).toArraySync() as number[]) expect(row).toBeCloseTo(1, 6);
  });
});

describe("refused:", () => {
  it("a file that does not fit, with everything that does not", async () => {
    const tensors = kerasWeights();
    tensors.delete("block1_conv1/bias");
    tensors.set("block9_conv1/kernel", zeros([1]));
    tensors.set("fc1/kernel", zeros([15, 6]));
    const weights = await fileOf("misfits.safetensors", tensors);
    const error = await failureOf(small({ weights }));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toBe(
      'applications.small: the tensors do not fit: missing: "block1_conv1/bias"; unexpected: "block9_conv1/kernel"; ' +
        `of another shape or dtype: "fc1/kernel" is float32 [15,6], expected float32 [16,6]: in ${weights}`,
    );
  });

  it("a file of torchvision that does not fit, in its own names and layouts", async () => {
    const tensors = torchWeights();
    tensors.delete("classifier.6.bias");
    tensors.set("features.2.weight", zeros([2, 2, 3, 1]));
    tensors.set("classifier.0.weight", zeros([6, 36]));
    tensors.set("features.1.running_mean", zeros([2]));
    const weights = await fileOf("misfits-torch.safetensors", tensors);
    expect((await failureOf(small({ weights }))).message).toBe(
      'applications.small: the tensors do not fit: missing: "classifier.6.bias"; unexpected: "features.1.running_mean"; ' +
        'of another shape or dtype: "features.2.weight" is float32 [2,2,3,1], expected float32 [2,2,3,3], ' +
        `"classifier.0.weight" is float32 [6,36], expected float32 [6,16]: in ${weights}`,
    );
  });

  it("a file of integers, and floats of another shape by the dtype that they are cast to", async () => {
    const tensors = kerasWeights();
    tensors.set("fc1/bias", zeros([6], { dtype: "int32" }));
    tensors.set("fc2/bias", zeros([5]).cast("float16") as Tensor);
    tensors.set("predictions/bias", zeros([3], { dtype: "bool" }));
    const weights = await fileOf("integers.safetensors", tensors);
    const error = await failureOf(small({ weights, dtype: "float64" }));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toBe(
      'applications.small: the tensors do not fit: of another shape or dtype: "fc1/bias" is int32 [6], expected float64 [6], ' +
        '"fc2/bias" is float64 [5], expected float64 [6], "predictions/bias" is bool [3], expected float64 [3]: ' +
        `in ${weights}`,
    );
  });

  it.each<[ApplicationOptions, string]>([
    [{ include_top: false } as never, 'unknown option: "include_top", did you mean "includeTop"?'],
    [{ weights: "" }, 'weights is wrong: "", expected the name of a safetensors file, or null'],
    [{ weights: 16 as never }, "weights is wrong: 16, expected the name of a safetensors file, or null"],
    [{ includeTop: 1 as never }, "includeTop is wrong: 1, expected true or false"],
    [{ inputShape: [224, 224] }, "inputShape is wrong: [224,224], expected [height, width, channels]"],
    [{ inputShape: [224, 224, null] }, "inputShape is wrong: [224,224,null], expected [height, width, channels]"],
    [{ inputShape: [31, 224, 3] }, "inputShape is wrong: [31,224,3], expected at least 32 x 32 pixels"],
    [
      { inputShape: [null, 224, 3] },
      "the top needs a known size: inputShape is [null,224,3], expected numbers, or includeTop: false",
    ],
    [{ pooling: "mean" as "avg" }, 'unknown pooling: "mean", did you mean "max"?'],
    [{ classes: 0 }, "classes is wrong: 0, expected a positive integer"],
    [{ dtype: "float16" as "float32" }, 'dtype is wrong: "float16", expected "float32" or "float64"'],
    [{ dtype: null as never }, 'dtype is wrong: null, expected "float32" or "float64"'],
  ])("%o", async (options, message) => {
    const error = await failureOf(applications.VGG16(options));
    expect(error).toBeInstanceOf(ArgumentError);
    expect(error.message).toBe(`applications.VGG16: ${message}`);
  });

  it("a file that is not there", async () => {
    const error = await failureOf(applications.VGG19({ weights: at("none.safetensors") }));
    expect(error).toBeInstanceOf(ArgumentError);
    expect(error.message).toBe(`loadSafetensors: file not found: ${at("none.safetensors")}`);
  });
});

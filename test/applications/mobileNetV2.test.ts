import { describe, expect, it } from "vitest";
import { ArgumentError, FormatError, applications, io } from "nabla";
import { hashOf, makeImages, makeWeights, product, readCases } from "../fixtures/applications.js";
import { checkCase } from "../support/applications.js";
import { failureOf, workFolder } from "../support/safetensors.js";

const { at } = workFolder();
const expected = readCases<"mobileNetV2">("keras_applications").mobileNetV2;
const OPTIONS = { alpha: 0.05, inputShape: expected.shape.slice(1), classes: 3, classifierActivation: null };

const fanIn = (name: string, shape: readonly number[]): number =>
  product(name.includes("depthwise") ? shape.slice(0, 2) : shape.slice(0, -1));

/** A file of the narrowest MobileNetV2, whose names and shapes are Keras' by their hash. */
async function seededFile(): Promise<string> {
  const weights = (await applications.MobileNetV2(OPTIONS)).namedWeights();
  const shapes = new Map([...weights].map(([name, { shape }]) => [name, shape]));
  expect(hashOf(shapes)).toBe(expected.weights);
  await io.saveSafetensors(at("mobile.safetensors"), makeWeights(shapes, fanIn));
  return at("mobile.safetensors");
}

describe("applications.MobileNetV2", () => {
  it.each(["float32", "float64"] as const)(
    "with seeded weights gives the logits and gradients of Keras in %s, of odd and even sizes",
    async (dtype) => {
      const model = await applications.MobileNetV2({ ...OPTIONS, weights: await seededFile(), dtype });
      expect([model, model.input, ...model.layers].every((each) => each.dtype === dtype)).toBe(true);
      await checkCase(model, expected);
    },
  );

  // As keras.applications counts them.
  it.each([
    [1, 2_257_984, 1280],
    [0.35, 410_208, 1280],
    [1.4, 4_363_712, 1792],
  ])("with alpha %d has %i parameters without the top, and %i features", async (alpha, parameters, features) => {
    const base = await applications.MobileNetV2({ alpha, includeTop: false, pooling: "avg" });
    expect(base.countParams()).toBe(parameters);
    expect(base.output.shape).toEqual([null, features]);
  });

  it("has Keras' names", async () => {
    const model = await applications.MobileNetV2({ inputShape: [96, 96, 3], classes: 2 });
    expect(model.name).toBe("mobilenetv2_1.00_96");
    const names = model.layers.map(({ name }) => name);
    expect(names.slice(1, 10)).toEqual([
      "Conv1",
      "bn_Conv1",
      "Conv1_relu",
      "expanded_conv_depthwise",
      "expanded_conv_depthwise_BN",
      "expanded_conv_depthwise_relu",
      "expanded_conv_project",
      "expanded_conv_project_BN",
      "block_1_expand",
    ]);
    expect(names).toContain("block_2_add");
    expect(names.filter((name) => name.endsWith("_pad"))).toEqual([
      "block_1_pad",
      "block_3_pad",
      "block_6_pad",
      "block_13_pad",
    ]);
    expect(names.at(-1)).toBe("predictions");
  });

  it("takes images of any size without the top", async () => {
    const weights = await seededFile();
    const { alpha } = OPTIONS;
    const known = await applications.MobileNetV2({ alpha, weights, includeTop: false, inputShape: [64, 96, 3] });
    const any = await applications.MobileNetV2({ alpha, weights, includeTop: false });
    const x = makeImages([1, 64, 96, 3]);
    expect(any.apply(x).shape).toEqual([1, 2, 3, 1280]);
    expect(any.apply(x).toArraySync()).toEqual(known.apply(x).toArraySync());
  });

  it.each([0, -1, Infinity, "1"])("refuses the alpha %o", async (alpha) => {
    const error = await failureOf(applications.MobileNetV2({ alpha: alpha as number }));
    expect(error).toBeInstanceOf(ArgumentError);
    const shown = typeof alpha === "string" ? `"${alpha}"` : alpha;
    expect(error.message).toBe(`applications.MobileNetV2: alpha is wrong: ${shown}, expected a positive number`);
  });

  it("refuses a file of another width", async () => {
    const error = await failureOf(applications.MobileNetV2({ ...OPTIONS, alpha: 0.35, weights: await seededFile() }));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toContain('"Conv1/kernel" is float32 [3,3,3,8], expected float32 [3,3,3,16]');
    expect(error.message).toMatch(/ and \d+ more: in /);
  });
});

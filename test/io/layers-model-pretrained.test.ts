import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { io, rand, setSeed, type Model, type Tensor } from "nabla";
import { loadWithTfjs, superResolution, writeMobileNet } from "../support/layersModels.js";
import { tf } from "../support/tfjs.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "nabla-pretrained-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The largest difference between what nabla and tfjs compute of the same random images. */
async function difference(file: string, images: Tensor): Promise<number> {
  const model = (await io.loadLayersModel(file)) as Model;
  const oracle = await loadWithTfjs(file);
  const y = await model.predict(images);
  const expected = oracle.predict(tf.tensor((await images.data()) as Float32Array, [...images.shape])) as tf.Tensor;
  expect(y.shape).toEqual(expected.shape);
  const others = expected.dataSync();
  expect(others.length).toBeGreaterThan(0);
  return Math.max(...Array.from(await y.data(), (value, i) => Math.abs(value - others[i]!)));
}

describe("trained layers-models compute what they do in tfjs", () => {
  it("MobileNetV2 with weights of 8 bits", async () => {
    setSeed(1);
    // Probabilities, behind 53 convolutions in float32.
    expect(await difference(writeMobileNet(folder), rand([2, 224, 224, 3]))).toBeLessThan(1e-5);
  });

  it.each([2, 3])("a network for images %s times as large", async (scale) => {
    setSeed(scale);
    // Pixels from 0 to 255, of which float32 has steps of 1.5e-5, behind a dozen convolutions.
    expect(await difference(superResolution(scale), rand([1, 24, 20, 3], { high: 255 }))).toBeLessThan(1e-3);
  });
});

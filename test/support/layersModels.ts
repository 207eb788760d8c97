import { readFileSync, writeFileSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { keras, tf } from "./tfjs.js";

const require = createRequire(import.meta.url);
const packages = fileURLToPath(new URL("../../node_modules/", import.meta.url));

/** Saves a model of tfjs as it would itself, in two files of weights so that one of them is cut. */
export async function saveWithTfjs(model: keras.LayersModel, folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "model.json");
  await model.save(
    tf.io.withSaveHandler(({ weightData, weightSpecs, ...rest }) => {
      const bytes = new Uint8Array(tf.io.CompositeArrayBuffer.join(weightData));
      const half = Math.ceil(bytes.length / 2);
      writeFileSync(join(folder, "1.bin"), bytes.subarray(0, half));
      writeFileSync(join(folder, "2.bin"), bytes.subarray(half));
      const weightsManifest = [{ paths: ["1.bin", "2.bin"], weights: weightSpecs }];
      writeFileSync(file, JSON.stringify({ ...rest, weightsManifest }));
      return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" as const } });
    }),
  );
  return file;
}

/** What tfjs makes of a model.json and its files. */
export function loadWithTfjs(file: string): Promise<keras.LayersModel> {
  const { modelTopology, weightsManifest } = JSON.parse(readFileSync(file, "utf8")) as tf.io.ModelJSON;
  const paths = weightsManifest.flatMap(({ paths: each }) => each);
  const weightData = new Uint8Array(Buffer.concat(paths.map((path) => readFileSync(join(dirname(file), path))))).buffer;
  const weightSpecs = weightsManifest.flatMap(({ weights }) => weights);
  return keras.loadLayersModel(tf.io.fromMemory({ modelTopology, weightSpecs, weightData }));
}

/** MobileNetV2 with quantized weights, which the package has as scripts. Written to the folder as files. */
export function writeMobileNet(folder: string): string {
  const models = join(packages, "nsfwjs/dist/models/mobilenet_v2");
  const model = require(join(models, "model.min.js")) as tf.io.ModelJSON;
  const shards = model.weightsManifest.flatMap(({ paths }) => paths);
  for (const shard of shards) {
    writeFileSync(join(folder, shard), Buffer.from(require(join(models, `${shard}.min.js`)) as string, "base64"));
  }
  writeFileSync(join(folder, "model.json"), JSON.stringify(model));
  return join(folder, "model.json");
}

/** A network that makes images `scale` times as large. */
export function superResolution(scale: number): string {
  return join(packages, `@upscalerjs/esrgan-slim/models/x${scale}/model.json`);
}

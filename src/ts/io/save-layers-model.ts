import { mkdir, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { wrong } from "../checks.js";
import { ArgumentError } from "../errors.js";
import { Model, type AnyModel } from "../models/model.js";
import type { Tensor } from "../tensor.js";
import { checkPath, replaceFiles, writeFully } from "./file.js";
import { whileHeld } from "./held.js";
import { leavesOf } from "./keras-weights.js";
import { weightsTo } from "./tfjs-layer.js";
import { modelTo } from "./tfjs-model.js";
import { weightFiles } from "./weight-shards.js";

/**
 * Writes a model as a layers-model that TensorFlow.js (4.22) loads: `model.json`, and weights in files of 4 MiB, into a folder, which
 * is made if need be. The model is a Sequential that is built, or a Model of inputs and outputs, of layers that tfjs has; of GRU tfjs
 * has another kind. Optimizer and metrics are not kept. The model must not be trained before this resolves.
 *
 * All is written under other names first. Then the files take their own, `model.json` last.
 *
 * The format: https://www.tensorflow.org/js/guide/save_load.
 *
 * @throws ArgumentError, before anything is written, for a layer or an option that tfjs does not have; it names the layer.
 * @throws DTypeError likewise for another dtype than float32.
 */
export async function saveLayersModel(model: Model | AnyModel, folder: string): Promise<void> {
  const op = "saveLayersModel";
  if (!((model as unknown) instanceof Model)) throw wrong(op, "model", model, "a model such as new Sequential([…])");
  checkPath(op, folder);
  const topology = modelTo(op, model as AnyModel);
  const weights = new Map<string, Tensor>();
  for (const [name, tensor] of leavesOf(model as AnyModel).flatMap((layer) => weightsTo(op, layer))) {
    if (weights.has(name)) {
      throw new ArgumentError(`${op}: two weights have one name: ${name}, expected different names of layers`);
    }
    weights.set(name, tensor);
  }
  const { manifest, files } = weightFiles(weights, folder);
  const json = { format: "layers-model", generatedBy: "nabla", convertedBy: null, modelTopology: topology };
  const write = (handle: FileHandle): Promise<void> =>
    writeFully(handle, Buffer.from(JSON.stringify({ ...json, weightsManifest: manifest })));
  await makeFolder(op, folder);
  await whileHeld([...weights.values()], () =>
    replaceFiles(op, [...files, { path: join(folder, "model.json"), write }]),
  );
}

async function makeFolder(op: string, folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return;
    throw code === "ENOENT" ? new ArgumentError(`${op}: folder not found: ${dirname(folder)}`) : error;
  }
}

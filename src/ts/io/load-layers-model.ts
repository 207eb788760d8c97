import { currentStream, onStream } from "../device.js";
import { checkOptions, wrong } from "../checks.js";
import { FormatError } from "../errors.js";
import type { LayerClasses } from "../layers/fromConfig.js";
import { withoutInitialization } from "../layers/initialization.js";
import { Layer } from "../layers/layer.js";
import type { AnyModel } from "../models/model.js";
import { sizeOf } from "../shape.js";
import { checkPath, readWhole } from "./file.js";
import { isObject, parseJson, show } from "./json.js";
import { kerasObject, type Reading } from "./keras-config.js";
import { isModelClass, modelFrom } from "./keras-model.js";
import { setWeights } from "./keras-weights.js";
import { readWeights } from "./weight-shards.js";
import { parseManifest } from "./weights-manifest.js";

/** Of a model.json. */
const MAX_BYTES = 100_000_000;
/** Models in models are nested by so much; the parser gets along with far more. */
const MAX_DEPTH = 256;
/** What a model's weights may have more than the files: little memory, and enough for a message that lists what is missing. */
const SPARE_ELEMENTS = 2 ** 22;

export interface LoadLayersModelOptions {
  /** Classes for the layers of the file that nabla does not have, by their class names there. */
  customClasses?: LayerClasses;
}

/**
 * The model of a TensorFlow.js layers-model: a `model.json`, and the files with weights that it names, which have to be in its
 * folder. Its configuration may be that of tfjs, Keras 2 or Keras 3. The model predicts; to train it, compile it.
 *
 * Weights may be float32, int32, bool, uint8 and float16, and quantized (uint8, uint16, float16); they become what the layers have.
 * LSTM and GRU are those of Keras 3: gates with sigmoid, GRU with reset_after.
 * Layers of other classes are made of `customClasses`: `new Class(options)`, with the options of the file in camelCase.
 * Regularizers and constraints, which nabla does not have, are left out: they change only training. Node's `warning` event says so.
 *
 * The format: https://www.tensorflow.org/js/guide/save_load.
 *
 * @throws ArgumentError for a file that is not there.
 * @throws FormatError for a file that is not what it should be, a layer or an option that nabla does not have, and weights that
 * do not fit the layers; it names the file and the place.
 * @throws OutOfMemoryError when a weight passes the memory limit.
 */
export async function loadLayersModel(path: string, options: LoadLayersModelOptions = {}): Promise<AnyModel> {
  const op = "loadLayersModel";
  checkPath(op, path);
  checkOptions(op, options, ["customClasses"]);
  const reading: Reading = { op, file: path, customClasses: checkCustom(op, options.customClasses ?? {}), ignored: [] };
  const stream = currentStream();
  const file = parseJson(op, await readWhole(op, path, "model", MAX_BYTES), path, MAX_DEPTH);
  const topology = isObject(file) ? file["modelTopology"] : undefined;
  if (!isObject(file) || !isObject(topology)) {
    const format = isObject(file) && file["format"] !== undefined ? `: its format is ${show(file["format"])}` : "";
    throw new FormatError(`${op}: not a layers-model: ${path}${format}, expected { modelTopology, weightsManifest }`);
  }
  const object = kerasObject(reading, topology["model_config"] ?? topology, "a model");
  if (!isModelClass(object.className)) {
    throw new FormatError(
      `${op}: not a model: the class is ${show(object.className)} in ${path}, expected Sequential, Model or Functional`,
    );
  }
  const groups = parseManifest(op, file["weightsManifest"] ?? [], path);
  const weights = await readWeights(op, groups, path, stream);
  try {
    const elements = [...weights.values()].reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    const make = (): AnyModel => withoutInitialization(() => modelFrom(reading, object), elements + SPARE_ELEMENTS);
    const model = onStream(stream, make);
    if (!model.built) {
      throw new FormatError(
        `${op}: the input shape is not known: no layer of ${path} says it, expected batch_input_shape`,
      );
    }
    setWeights(reading, model, weights);
    warn(reading);
    return model;
  } finally {
    for (const weight of weights.values()) weight.dispose();
  }
}

function checkCustom(op: string, custom: unknown): LayerClasses {
  if (!isObject(custom)) throw wrong(op, "customClasses", custom, "classes by name");
  for (const [name, layer] of Object.entries(custom)) {
    if (typeof layer === "function" && layer.prototype instanceof Layer) continue;
    throw wrong(op, `customClasses.${name}`, layer, "a class that extends layers.Layer");
  }
  return custom as LayerClasses;
}

function warn({ op, file, ignored }: Reading): void {
  if (ignored.length === 0) return;
  const others = ignored.length > 1 ? ` and ${ignored.length - 1} more` : "";
  process.emitWarning(`${op}: left out, as they change only training: ${ignored[0]!}${others} in ${file}`);
}

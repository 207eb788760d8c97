import { currentStream, onStream } from "../device.js";
import { checkBoolean, checkOptions } from "../checks.js";
import { construct, fromJson, isClassConfig, type ClassConfig } from "../config.js";
import { FormatError } from "../errors.js";
import { isObject, parseJson, show } from "../io/json.js";
import { matchTensors } from "../io/matchTensors.js";
import { loadSafetensors } from "../io/safetensors.js";
import { layerFromConfig, type LayerClass } from "../layers/fromConfig.js";
import { withoutInitialization } from "../layers/initialization.js";
import type { ShapesOf, Tensors } from "../layers/layer.js";
import * as losses from "../losses.js";
import * as metrics from "../metrics.js";
import { assign } from "../ops/assign.js";
import * as optimizers from "../optimizers/index.js";
import { restoreRandom } from "../random.js";
import type { Tensor } from "../tensor.js";
import * as transformers from "../transformers/index.js";
import { Model, type AnyModel } from "./model.js";
import { HISTORY, KEY, VERSION, type Description, type Training } from "./saving.js";
import { Sequential } from "./sequential.js";

export interface LoadModelOptions {
  /** Classes of your own that the model is made of, by their names: of layers, models, losses, metrics, optimizers and schedules. */
  customClasses?: Readonly<Record<string, unknown>>;
  /**
   * Whether the random numbers go on as they did when the model was saved, so that a training continues as if nothing had
   * interrupted it. False by default.
   */
  restoreRandom?: boolean;
}

/**
 * The model that `save` wrote to a file: the same results, and the same training from there on. It is made on the device
 * that is current at the call ({@link withDevice}), whatever the one that it was saved from.
 *
 * @throws ArgumentError for a file that is not there, and for classes of the user's own that are not given.
 * @throws FormatError for a file that `save` did not write; it names the place.
 */
export async function loadModel(path: string, options: LoadModelOptions = {}): Promise<AnyModel> {
  checkOptions("loadModel", options, ["customClasses", "restoreRandom"]);
  const custom = options.customClasses ?? {};
  const restore = checkBoolean("loadModel", "restoreRandom", options.restoreRandom ?? false);
  const stream = currentStream();
  const { tensors, metadata } = await loadSafetensors(path);
  let model: AnyModel | null = null;
  // A config must not ask for more memory than the file has values for.
  const elements = [...tensors.values()].reduce((sum, { size }) => sum + size, 0);
  try {
    const description = parseDescription(metadata[KEY], path);
    const made = onStream(stream, () => makeModel(description, custom, path, elements));
    model = made;
    const weights = made.namedWeights();
    const isHistory = (name: string): boolean => name.startsWith(`${HISTORY}/`);
    const saved = new Map([...tensors].filter(([name]) => weights.has(name) || !isHistory(name)));
    for (const [weight, value] of matchTensors("loadModel", path, weights, saved)) assign(weight, value);
    if (description.training) resumeTraining(made, description.training, tensors, custom, path);
    if (restore) restoreRandom(description.random);
    return made;
  } finally {
    const history = new Set((model?.optimizer?.history ?? []).flat());
    for (const tensor of tensors.values()) if (!history.has(tensor)) tensor.dispose();
  }
}

function makeModel({ model: config, builtFor }: Description, custom: object, path: string, elements: number): AnyModel {
  const classes = { Sequential, Model, ...transformers, ...custom } as unknown as Readonly<Record<string, LayerClass>>;
  const model = withoutInitialization(() => {
    const made = layerFromConfig("loadModel", config, classes);
    if (made instanceof Model && !made.built && builtFor !== null) made.build(builtFor as ShapesOf<Tensors> as never);
    return made;
  }, elements);
  if (model instanceof Model) return model as AnyModel;
  throw new FormatError(`loadModel: not a model: ${show(config.className)} in ${path}, expected a class of models`);
}

function resumeTraining(
  model: AnyModel,
  training: Training,
  tensors: ReadonlyMap<string, Tensor>,
  custom: object,
  path: string,
): void {
  const schedule = (given: ClassConfig): unknown =>
    construct("schedule", given, { ...optimizers.schedules, ...custom });
  const config = fromJson(training.optimizer.config, schedule) as ClassConfig["config"];
  const given = { className: training.optimizer.className, config };
  const optimizer = construct("optimizer", given, { ...optimizers, ...custom }) as optimizers.Optimizer;
  const loss = training.loss.map((each) => construct("loss", each, { ...losses, ...custom }) as losses.Loss);
  const figures = training.metrics.map((list) =>
    list.map((each) => construct("metric", each, { ...metrics, ...custom }) as metrics.Metric),
  );
  const several = loss.length > 1;
  model.compile({
    optimizer,
    loss: several ? loss : loss[0]!,
    lossWeights: training.lossWeights,
    metrics: several ? figures : figures[0]!,
  });
  const weights = model.namedWeights();
  const expected = new Map<string, Tensor>();
  for (let slot = 0; slot < training.slots; slot++) {
    for (const name of training.parameters) {
      const weight = weights.get(name);
      if (!weight)
        throw new FormatError(`loadModel: no such weight: ${show(name)} in ${path}, which the optimizer changes`);
      expected.set(`${HISTORY}/${slot}/${name}`, weight);
    }
  }
  const saved = new Map([...tensors].filter(([name]) => expected.has(name)));
  const values = matchTensors("loadModel", path, expected, saved).map(([, value]) => value);
  const count = training.parameters.length;
  const history = Array.from({ length: training.slots }, (_, slot) => values.slice(slot * count, (slot + 1) * count));
  optimizer.resume(
    training.parameters.map((name) => weights.get(name)!),
    training.slots > 0 ? history : null,
    training.iterations,
  );
}

function parseDescription(text: string | undefined, path: string): Description {
  if (text === undefined) {
    throw new FormatError(`loadModel: not a model: ${path} has no metadata "${KEY}", expected a file that save wrote`);
  }
  const place = `the metadata of ${path}`;
  const value = parseJson("loadModel", new TextEncoder().encode(text), place);
  const isRight = isObject(value) && isClassConfig(value["model"]) && isObject(value["random"]);
  if (!isRight) throw new FormatError(`loadModel: not the description of a model: ${place}`);
  if (value["version"] !== VERSION) {
    throw new FormatError(`loadModel: unknown version: ${show(value["version"])} in ${place}, expected ${VERSION}`);
  }
  return value as unknown as Description;
}

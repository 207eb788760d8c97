import { onStream } from "../device.js";
import { checkBoolean, checkOptions } from "../checks.js";
import { classConfig, type ClassConfig, type Json } from "../config.js";
import { ArgumentError } from "../errors.js";
import { matchTensors } from "../io/matchTensors.js";
import { loadSafetensors, saveSafetensors } from "../io/safetensors.js";
import { assign } from "../ops/assign.js";
import { randomState, type RandomState } from "../random.js";
import type { Tensor } from "../tensor.js";
import type { AnyModel } from "./model.js";

export interface SaveOptions {
  /** Whether what `compile` chose is saved too, with the optimizer's history; true by default. */
  includeOptimizer?: boolean;
}

/** Of the files. */
export const VERSION = 1;
/** The only metadata of such a file. */
export const KEY = "nabla";
/** The first part of the names of what an optimizer keeps. */
export const HISTORY = "optimizer";

/** What a file says beside the tensors. */
export interface Description {
  readonly version: number;
  readonly model: ClassConfig;
  /** What a model was built for that does not say so by itself. */
  readonly builtFor: Json;
  readonly training: Training | null;
  readonly random: RandomState;
}

export interface Training {
  readonly optimizer: ClassConfig;
  readonly iterations: number;
  /** How many tensors the optimizer keeps for a weight. */
  readonly slots: number;
  /** Names of the weights that it changes. */
  readonly parameters: readonly string[];
  readonly loss: readonly ClassConfig[];
  readonly lossWeights: readonly number[];
  readonly metrics: readonly (readonly ClassConfig[])[];
}

/** See {@link Model.save}. */
export async function saveModel(model: AnyModel, path: string, options: SaveOptions): Promise<void> {
  checkOptions("save", options, ["includeOptimizer"]);
  const include = checkBoolean("save", "includeOptimizer", options.includeOptimizer ?? true);
  const tensors = model.namedWeights();
  if (!model.built) throw new ArgumentError(`save: the model is not built: ${model.name} has no weights yet`);
  const description: Description = {
    version: VERSION,
    model: classConfig(model),
    builtFor: (model.builtFor ?? null) as Json,
    training: include ? describeTraining(model, tensors) : null,
    random: randomState(),
  };
  const { training } = description;
  if (training && training.slots > 0) {
    model.optimizer!.history!.forEach((list, slot) => {
      list.forEach((tensor, i) => tensors.set(`${HISTORY}/${slot}/${training.parameters[i]!}`, tensor));
    });
  }
  await saveSafetensors(path, tensors, { metadata: { [KEY]: JSON.stringify(description) } });
}

function describeTraining(model: AnyModel, weights: ReadonlyMap<string, Tensor>): Training | null {
  const { compiled } = model;
  if (compiled === null) return null;
  const { optimizer, outputs } = compiled;
  const names = new Map([...weights].map(([name, weight]) => [weight, name]));
  return {
    optimizer: classConfig(optimizer),
    iterations: optimizer.iterations,
    slots: optimizer.history?.length ?? 0,
    parameters: optimizer.parameters.map((parameter) => names.get(parameter)!),
    loss: outputs.map(({ loss }) => classConfig(loss)),
    lossWeights: outputs.map(({ weight }) => weight),
    metrics: outputs.map((output) => output.metrics.map((metric) => classConfig(metric))),
  };
}

/** See {@link Model.saveWeights}. */
export async function saveWeights(model: AnyModel, path: string): Promise<void> {
  if (!model.built) throw new ArgumentError(`saveWeights: the model is not built: ${model.name} has no weights yet`);
  await saveSafetensors(path, model.namedWeights());
}

/** See {@link Model.loadWeights}. */
export async function loadWeights(model: AnyModel, path: string): Promise<void> {
  if (!model.built) throw new ArgumentError(`loadWeights: the model is not built: ${model.name} has no weights yet`);
  const weights = model.namedWeights();
  const { tensors, metadata } = await onStream(model.ownStream, () => loadSafetensors(path));
  try {
    // What `save` adds to the weights.
    const isOwn = (name: string): boolean => !(KEY in metadata) || !name.startsWith(`${HISTORY}/`) || weights.has(name);
    const saved = new Map([...tensors].filter(([name]) => isOwn(name)));
    for (const [weight, value] of matchTensors("loadWeights", path, weights, saved)) assign(weight, value);
  } finally {
    for (const tensor of tensors.values()) tensor.dispose();
  }
}

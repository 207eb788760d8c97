import { currentStream, onStream } from "../device.js";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { checkOptions, checkPositive, wrong } from "../checks.js";
import type { Config } from "../config.js";
import { PRETRAINED_OPTIONS, resolvePretrained, type PretrainedOptions } from "../hub/pretrained.js";
import { RandomNormal } from "../initializers.js";
import { replaceFile, writeFully } from "../io/file.js";
import { readIndex } from "../io/safetensors-index.js";
import { withoutInitialization } from "../layers/initialization.js";
import type { FloatDType, LayerOptions, Tensors } from "../layers/layer.js";
import { tidy } from "../memory.js";
import { Model } from "../models/model.js";
import { inOrder } from "../models/samples.js";
import { assign } from "../ops/assign.js";
import { unknownName } from "../suggest.js";
import { withRecording } from "../tape.js";
import type { Tensor } from "../tensor.js";
import { loadCheckpoint, saveCheckpoint, type CheckpointNames } from "./checkpoint.js";
import { completeConfig, configToJson, readConfig, type Fields, type SourcedConfig } from "./config.js";
import type { CheckpointWeight } from "./checkpointWeight.js";
import { INPUT_NAMES } from "./inputs.js";

type ModelOptions = Omit<LayerOptions, "inputShape">;

/** A configuration, as far as it differs from the default, and what all models have. */
export type PretrainedModelOptions<C> = Partial<C> & ModelOptions;

export interface FromPretrainedOptions extends ModelOptions, PretrainedOptions {
  /** How many labels the head tells apart; what the configuration says by default. */
  numLabels?: number;
}

/** What the models of one architecture have in common. */
export interface Family<C> {
  /** In `config.json`. */
  readonly modelType: string;
  readonly fields: Fields<C>;
  /** Keys of `config.json` that have this value, if any: other values stand for what is not there. */
  readonly fixed: Readonly<Record<string, unknown>>;
  readonly names: CheckpointNames;
}

/** A class of such models, for {@link PretrainedModel.fromPretrained}. */
interface PretrainedClass<M, C> {
  new (options?: PretrainedModelOptions<C>): M;
  readonly family: Family<C>;
}

interface AnyConfig {
  readonly numLabels: number;
  readonly initializerRange: number;
}

const MODEL_OPTIONS = ["name", "trainable", "dtype"];
const CONFIG = "config.json";
const WEIGHTS = "model.safetensors";
const INDEX = "model.safetensors.index.json";

/** A model whose weights Hugging Face's checkpoints hold: a folder with `config.json` and `model.safetensors`. */
export abstract class PretrainedModel<C extends AnyConfig, Out extends Tensors = Tensor> extends Model<Tensors, Out> {
  readonly config: C;
  /** What Hugging Face calls the class. */
  protected abstract readonly architecture: string;
  private readonly family: Family<C>;
  /** The `config.json` that the model came with. */
  private original: SourcedConfig<C>["original"] = {};

  constructor(family: Family<C>, options: PretrainedModelOptions<C> = {}) {
    const label = new.target.name;
    checkOptions(label, options, [...Object.keys(family.fields), ...MODEL_OPTIONS]);
    const { name, trainable, dtype } = options;
    super({ name, trainable, dtype });
    this.family = family;
    this.config = completeConfig(label, family.fields, options);
    this.inputSpec = { rank: 2 };
  }

  override get inputNames(): readonly string[] {
    return INPUT_NAMES;
  }

  /** @internal The inputs of a record, as far as it goes. */
  override arrangeInputs<T>(op: string, named: Readonly<Record<string, T>>): readonly T[] {
    for (const name of Object.keys(named)) {
      if (!INPUT_NAMES.includes(name)) throw unknownName(op, "input", name, INPUT_NAMES);
    }
    const last = INPUT_NAMES.findLastIndex((name) => Object.hasOwn(named, name));
    return inOrder(op, "input", named, INPUT_NAMES.slice(0, Math.max(0, last) + 1));
  }

  override getConfig(): Config {
    const { name, trainable, dtype, config } = this;
    return { name, trainable, dtype, ...(config as unknown as Config) };
  }

  /**
   * A model with the weights of a folder or of the Hugging Face hub: `config.json` and `model.safetensors` (or its shards and
   * `model.safetensors.index.json`) in the form of Hugging Face's libraries. A name such as `distilbert-base-uncased` or
   * `owner/name` is fetched from the hub once, into the cache that Hugging Face's programs share. Weights in float16 and bfloat16
   * are cast. What a checkpoint has for other tasks is left out; a head that it lacks begins anew, and a line on the console names
   * its weights.
   *
   * @throws ArgumentError when there is no such folder, model or file. @throws NetworkError when the hub does not answer as it
   * should. @throws FormatError for a configuration of another kind of model, and for tensors that are missing, not known or of
   * another shape; it names them all.
   */
  static async fromPretrained<M extends PretrainedModel<C, Tensors>, C extends AnyConfig>(
    this: PretrainedClass<M, C>,
    nameOrFolder: string,
    options: FromPretrainedOptions = {},
  ): Promise<M> {
    const op = `${this.name}.fromPretrained`;
    checkOptions(op, options, [...MODEL_OPTIONS, "numLabels", ...PRETRAINED_OPTIONS]);
    const { name, trainable, dtype, numLabels, ...source } = options;
    if (numLabels !== undefined) checkPositive(op, "numLabels", numLabels);
    const stream = currentStream();
    const files = await findFiles(op, nameOrFolder, source);
    const { modelType, fields, fixed, names } = this.family;
    const read = await readConfig(op, files.config, fields, { model_type: modelType, ...fixed });
    const labels = numLabels === undefined ? {} : { numLabels };
    const model = onStream(stream, () =>
      withoutInitialization(() => new this({ ...read.config, ...labels, name, trainable, dtype })),
    );
    model.original = read.original;
    const weights = model.checkpointWeights();
    const fresh = await onStream(stream, () => loadCheckpoint(op, files.weights, weights, names));
    if (fresh.length > 0) {
      onStream(stream, () => initialize(fresh, model.config.initializerRange));
      const lacking = fresh.map((each) => each.name).join(", ");
      console.warn(`${op}: ${files.weights} lacks ${lacking}: they begin with new values, to be trained`);
    }
    return model;
  }

  /**
   * Writes `config.json` and `model.safetensors` into a folder, which is made if need be. `fromPretrained` and Hugging Face's
   * libraries read them. Each file is replaced at once, or stays as it was. The model must not be trained before this resolves.
   */
  async savePretrained(folder: string): Promise<void> {
    const op = `${this.name}.savePretrained`;
    if (typeof folder !== "string" || folder === "") throw wrong(op, "folder", folder, "a folder's name");
    await mkdir(folder, { recursive: true });
    await saveCheckpoint(join(folder, WEIGHTS), this.checkpointWeights());
    const { torch_dtype: _, ...original } = this.original;
    const json = configToJson(
      { config: this.config, original },
      { architectures: [this.architecture], model_type: this.family.modelType, dtype: this.dtype },
    );
    await replaceFile(op, join(folder, CONFIG), (handle) =>
      writeFully(handle, Buffer.from(`${JSON.stringify(json, null, 2)}\n`)),
    );
  }

  /** The options of a layer inside. */
  protected inside(name: string): LayerOptions {
    const { dtype, trainable } = this;
    return { name: `${this.name}/${name}`, dtype, trainable };
  }

  /** @internal The weights with their names in a checkpoint. */
  abstract checkpointWeights(): CheckpointWeight[];
}

/** The configuration, and the one file with all weights or the index of several, which are there too. */
async function findFiles(
  op: string,
  nameOrFolder: string,
  source: PretrainedOptions,
): Promise<{ config: string; weights: string }> {
  const files = await resolvePretrained(op, nameOrFolder, { required: [[CONFIG], [WEIGHTS, INDEX]] }, source);
  const index = files.get(INDEX);
  if (index !== undefined) {
    const shards = [...(await readIndex(index)).keys()];
    await resolvePretrained(op, nameOrFolder, { required: shards.map((shard) => [shard]) }, source);
  }
  return { config: files.get(CONFIG)!, weights: index ?? files.get(WEIGHTS)! };
}

/** Gives a head its first values; its biases are zeros already. */
function initialize(weights: readonly CheckpointWeight[], stddev: number): void {
  const initializer = new RandomNormal({ stddev });
  withRecording(false, () =>
    tidy(() => {
      for (const { weight, isKernel } of weights) {
        if (isKernel) assign(weight, initializer.call(weight.shape, weight.dtype as FloatDType));
      }
    }),
  );
}

import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  ArgumentError,
  BertForSequenceClassification,
  BertModel,
  DistilBertForSequenceClassification,
  DistilBertModel,
  FormatError,
  io,
  memory,
  setSeed,
  tensor,
  zeros,
  type Tensor,
} from "nabla";
import { checkpoint, transformersBert } from "../fixtures/transformers_bert.js";
import { bertFolder } from "../support/bert.js";
import { commitOf, fakeHub } from "../support/hub.js";
import { failureOf, workFolder } from "../support/safetensors.js";

const fixture = bertFolder();
const { at } = workFolder();
const hub = fakeHub();
const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
afterEach(() => warn.mockClear());

let made = 0;
/** A folder with this configuration and these tensors, or with those of the small DistilBERT that are changed. */
async function folderOf(
  tensors: Map<string, Tensor>,
  config: Record<string, unknown> | string = transformersBert.configs.distilbert,
): Promise<string> {
  const folder = at(String(made++));
  mkdirSync(folder);
  writeFileSync(join(folder, "config.json"), typeof config === "string" ? config : JSON.stringify(config));
  await io.saveSafetensors(join(folder, "model.safetensors"), tensors);
  return folder;
}
function changed(change: (tensors: Map<string, Tensor>) => void, withHead = true): Map<string, Tensor> {
  const tensors = checkpoint("distilbert", withHead);
  change(tensors);
  return tensors;
}
const inputIds = tensor([[2, 17, 5, 39]], { dtype: "int32" });
const result = (model: { apply(x: Tensor): Tensor | Tensor[] }): unknown =>
  [model.apply(inputIds)].flat().map((y) => y.toArraySync());

describe("fromPretrained", () => {
  test("takes kernels as PyTorch has them, transposed", async () => {
    const model = await DistilBertForSequenceClassification.fromPretrained(await fixture("distilbert", true));
    const tensors = checkpoint("distilbert", true);
    const kernel = tensors.get("distilbert.transformer.layer.1.ffn.lin1.weight")!;
    expect(model.distilbert.blocks[1]!.feedForward![0].kernel!.toArraySync()).toEqual(kernel.transpose().toArraySync());
    const query = tensors.get("distilbert.transformer.layer.0.attention.q_lin.weight")!;
    expect(model.distilbert.blocks[0]!.selfAttention!.weights[0]!.toArraySync()).toEqual(
      query.transpose().reshape([16, 4, 4]).toArraySync(),
    );
    expect(warn).not.toHaveBeenCalled();
  });

  test("reads the configuration", async () => {
    const model = await BertModel.fromPretrained(await fixture("bert", true));
    expect(model.config).toEqual({
      vocabSize: 40,
      hiddenSize: 16,
      numHiddenLayers: 2,
      numAttentionHeads: 4,
      intermediateSize: 24,
      hiddenAct: "gelu",
      hiddenDropoutProb: 0,
      attentionProbsDropoutProb: 0,
      maxPositionEmbeddings: 12,
      typeVocabSize: 2,
      initializerRange: 0.02,
      layerNormEps: 1e-12,
      padTokenId: 0,
      classifierDropout: null,
      numLabels: 3,
    });
    const { id2label: _, label2id: __, ...two } = transformersBert.configs.distilbert;
    const labels = async (config: Record<string, unknown>): Promise<number> => {
      const folder = await folderOf(checkpoint("distilbert", false), config);
      return (await DistilBertModel.fromPretrained(folder)).config.numLabels;
    };
    expect(await labels(two)).toBe(2);
    expect(await labels({ ...two, num_labels: 5 })).toBe(5);
  });

  test("loads a checkpoint without a head into a model with one, and says so", async () => {
    setSeed(6);
    const folder = await fixture("distilbert", false);
    const model = await DistilBertForSequenceClassification.fromPretrained(folder, { numLabels: 5 });
    expect(warn.mock.calls).toEqual([
      [
        `DistilBertForSequenceClassification.fromPretrained: ${folder}/model.safetensors lacks pre_classifier.weight, ` +
          "pre_classifier.bias, classifier.weight, classifier.bias: they begin with new values, to be trained",
      ],
    ]);
    expect(model.apply(inputIds).shape).toEqual([1, 5]);
    const [kernel, zero] = model.classifier.weights as [Tensor, Tensor];
    // Four standard deviations of what 80 numbers have.
    expect(Math.abs((kernel.std().itemSync() as number) - 0.02)).toBeLessThan((4 * 0.02) / Math.sqrt(2 * 80));
    expect(zero.toArraySync()).toEqual([0, 0, 0, 0, 0]);
    const base = await DistilBertModel.fromPretrained(folder);
    expect(result(model.distilbert)).toEqual(result(base));
    expect(warn).toHaveBeenCalledTimes(1);
  });

  test("loads a checkpoint with a head into a model without", async () => {
    const model = await DistilBertModel.fromPretrained(await fixture("distilbert", true));
    const whole = await DistilBertForSequenceClassification.fromPretrained(await fixture("distilbert", true));
    expect(result(model)).toEqual(result(whole.distilbert));
    const bert = await BertModel.fromPretrained(await fixture("bert", true));
    const wholeBert = await BertForSequenceClassification.fromPretrained(await fixture("bert", true));
    expect(result(bert)).toEqual(result(wholeBert.bert));
    expect(warn).not.toHaveBeenCalled();
  });

  test("reads what pretraining leaves: other heads, positions, and BERT's old names", async () => {
    const tensors = new Map<string, Tensor>();
    for (const [name, value] of checkpoint("bert", true)) {
      if (name.startsWith("classifier")) continue;
      const old = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta");
      tensors.set(old, value);
    }
    tensors.set("bert.embeddings.position_ids", zeros([1, 12], { dtype: "int32" }));
    tensors.set("cls.predictions.transform.LayerNorm.gamma", zeros([16]));
    tensors.set("cls.seq_relationship.weight", zeros([2, 16]));
    const folder = await folderOf(tensors, transformersBert.configs.bert);
    const model = await BertForSequenceClassification.fromPretrained(folder);
    const whole = await BertForSequenceClassification.fromPretrained(await fixture("bert", true));
    expect(result(model.bert)).toEqual(result(whole.bert));
    expect(warn).toHaveBeenCalledTimes(1);
    const masked = changed((each) =>
      each.set("vocab_projector.bias", zeros([40])).set("vocab_transform.bias", zeros([16])),
    );
    await DistilBertModel.fromPretrained(await folderOf(masked));
  });

  test("lets BERT's pooler be missing, as it is after pretraining without pairs", async () => {
    const tensors = checkpoint("bert", false);
    for (const name of ["pooler.dense.weight", "pooler.dense.bias"]) expect(tensors.delete(name)).toBe(true);
    await BertModel.fromPretrained(await folderOf(tensors, transformersBert.configs.bert));
    expect(warn.mock.calls[0]![0]).toMatch(/lacks pooler\.dense\.weight, pooler\.dense\.bias: they begin/);
  });

  test.each(["float16", "bfloat16", "float64"] as const)("casts %s", async (dtype) => {
    const tensors = checkpoint("distilbert", true);
    const other = new Map([...tensors].map(([name, value]) => [name, value.cast(dtype) as Tensor]));
    const model = await DistilBertForSequenceClassification.fromPretrained(await folderOf(other));
    const rounded = new Map([...tensors].map(([name, value]) => [name, value.cast(dtype).cast("float32") as Tensor]));
    const wanted = await DistilBertForSequenceClassification.fromPretrained(await folderOf(rounded));
    expect(model.weights.every((weight) => weight.dtype === "float32")).toBe(true);
    expect(result(model)).toEqual(result(wanted));
  });

  test("makes a model of float64, with a name, that is not trained", async () => {
    const options = { dtype: "float64", name: "mine", trainable: false } as const;
    const model = await DistilBertModel.fromPretrained(await fixture("distilbert", false), options);
    expect(model.weights.every((weight) => weight.dtype === "float64" && !weight.requiresGrad)).toBe(true);
    expect([model.name, model.trainableWeights]).toEqual(["mine", []]);
  });

  /** A folder with the small DistilBERT in two files. */
  async function shardedFolder(): Promise<string> {
    const folder = at(String(made++));
    mkdirSync(folder);
    writeFileSync(join(folder, "config.json"), JSON.stringify(transformersBert.configs.distilbert));
    const all = [...checkpoint("distilbert", true)];
    const weight_map: Record<string, string> = {};
    for (const part of [0, 1]) {
      const shard = `model-0000${part + 1}-of-00002.safetensors`;
      const own = all.filter((_, i) => i % 2 === part);
      await io.saveSafetensors(join(folder, shard), new Map(own));
      for (const [name] of own) weight_map[name] = shard;
    }
    writeFileSync(join(folder, "model.safetensors.index.json"), JSON.stringify({ metadata: {}, weight_map }));
    return folder;
  }

  test("reads shards", async () => {
    const folder = await shardedFolder();
    const model = await DistilBertForSequenceClassification.fromPretrained(folder);
    const whole = await DistilBertForSequenceClassification.fromPretrained(await fixture("distilbert", true));
    expect(result(model)).toEqual(result(whole));
    rmSync(join(folder, "model-00002-of-00002.safetensors"));
    await expect(DistilBertForSequenceClassification.fromPretrained(folder)).rejects.toThrow(
      `file not found: model-00002-of-00002.safetensors in ${folder}`,
    );
  });

  test("fetches a model from the hub once, in one file or in shards", async () => {
    const wanted = result(await DistilBertForSequenceClassification.fromPretrained(await fixture("distilbert", true)));
    for (const folder of [await fixture("distilbert", true), await shardedFolder()]) {
      const files = Object.fromEntries(readdirSync(folder).map((file) => [file, readFileSync(join(folder, file))]));
      const large = Object.keys(files).filter((file) => file.endsWith(".safetensors"));
      hub.models["owner/tiny"] = { commit: commitOf(folder), files, large };
      const options = { verbose: 0, cacheDir: at(`cache-${large.length}`) } as const;
      const load = async (): Promise<unknown> =>
        result(await DistilBertForSequenceClassification.fromPretrained("owner/tiny", options));
      expect(await load()).toEqual(wanted);
      const requests = hub.requests.length;
      expect(requests).toBeGreaterThan(large.length);
      expect(await load()).toEqual(wanted);
      expect(hub.requests.length).toBe(requests);
    }
  });

  test("leaves no tensor behind but the weights", async () => {
    const folder = await fixture("distilbert", true);
    const before = memory().tensors;
    const model = await DistilBertForSequenceClassification.fromPretrained(folder);
    expect(memory().tensors - before).toBe(model.weights.length);
  });
});

describe("tensors that do not fit", () => {
  const OP = "DistilBertForSequenceClassification.fromPretrained";
  const bias = "distilbert.embeddings.LayerNorm.bias";
  test("are listed in one error, whatever is wrong with them", async () => {
    const tensors = changed((each) => {
      each.delete(bias);
      each.set("distilbert.transformer.layer.2.ffn.lin1.bias", zeros([24]));
      each.set("classifier.weight", zeros([2, 16], { dtype: "float32" }).cast("float16"));
      each.set("classifier.bias", zeros([3], { dtype: "int32" }));
    });
    const folder = await folderOf(tensors);
    const error = await failureOf(DistilBertForSequenceClassification.fromPretrained(folder));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toBe(
      `${OP}: the tensors do not fit: missing: "${bias}"; unexpected: "distilbert.transformer.layer.2.ffn.lin1.bias"; ` +
        'of another shape or dtype: "classifier.weight" is float32 [2,16], expected float32 [3,16], ' +
        `"classifier.bias" is int32 [3], expected float32 [3]: in ${folder}/model.safetensors`,
    );
  });

  test("may be two for one weight", async () => {
    const folder = await folderOf(changed((each) => each.set("embeddings.LayerNorm.bias", zeros([16]))));
    await expect(DistilBertForSequenceClassification.fromPretrained(folder)).rejects.toThrow(
      new FormatError(
        `${OP}: two tensors for one weight: "embeddings.LayerNorm.bias" is "${bias}" too, in ${folder}/model.safetensors`,
      ),
    );
  });

  test("other numbers of labels than the head's are a misfit", async () => {
    const folder = await fixture("distilbert", true);
    await expect(DistilBertForSequenceClassification.fromPretrained(folder, { numLabels: 2 })).rejects.toThrow(
      '"classifier.weight" is float32 [3,16], expected float32 [2,16]',
    );
  });
});

describe("folders and configurations that do not fit", () => {
  const OP = "DistilBertModel.fromPretrained";
  const config = transformersBert.configs.distilbert;
  test.each([
    [
      "another architecture",
      { ...config, model_type: "bert" },
      'model_type does not fit: "bert" in FILE, expected "distilbert"',
    ],
    ["a size that is none", { ...config, dim: "16" }, 'dim in FILE is wrong: "16", expected a positive integer'],
    [
      "an object",
      { ...config, n_layers: { constructor: null } },
      'n_layers in FILE is wrong: "{"constructor":null}", expected a positive integer',
    ],
    [
      "an activation that there is not",
      { ...config, activation: "mish" },
      'activation in FILE is wrong: "mish", expected one of gelu, gelu_new, gelu_pytorch_tanh, relu, silu, swish, tanh',
    ],
    ["no object", "[]", "not a configuration: FILE, expected a JSON object"],
    ["no labels", { ...config, id2label: {} }, "num_labels in FILE is wrong: 0, expected a positive integer"],
  ])("%s", async (_, given, message) => {
    const folder = await folderOf(checkpoint("distilbert", true), given);
    const error = await failureOf(DistilBertModel.fromPretrained(folder));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toBe(`${OP}: ${message.replace("FILE", join(folder, "config.json"))}`);
  });

  test("BERT's other forms", async () => {
    for (const [key, value] of Object.entries({ is_decoder: true, position_embedding_type: "relative_key" })) {
      const folder = await folderOf(checkpoint("bert", true), { ...transformersBert.configs.bert, [key]: value });
      await expect(BertModel.fromPretrained(folder)).rejects.toThrow(
        `${key} does not fit: ${JSON.stringify(value)} in`,
      );
    }
  });

  test("files that are not there, and wrong arguments", async () => {
    const folder = at("empty");
    mkdirSync(folder);
    await expect(DistilBertModel.fromPretrained(folder)).rejects.toThrow(
      new ArgumentError(`${OP}: file not found: config.json in ${folder}`),
    );
    writeFileSync(join(folder, "config.json"), JSON.stringify(config));
    await expect(DistilBertModel.fromPretrained(folder)).rejects.toThrow(
      new ArgumentError(`${OP}: file not found: model.safetensors or model.safetensors.index.json in ${folder}`),
    );
    await expect(DistilBertModel.fromPretrained(folder, { numLabels: 0 })).rejects.toThrow(
      new ArgumentError(`${OP}: numLabels is wrong: 0, expected a positive integer`),
    );
    await expect(DistilBertModel.fromPretrained("")).rejects.toThrow(
      new ArgumentError(
        `${OP}: the model is wrong: "", expected a folder, or a name such as distilbert-base-uncased or owner/name`,
      ),
    );
    await expect(DistilBertModel.fromPretrained(folder, { numLabel: 2 } as object)).rejects.toThrow(
      new ArgumentError(`${OP}: unknown option: "numLabel", did you mean "numLabels"?`),
    );
  });
});

describe("savePretrained", () => {
  const classes = { DistilBertForSequenceClassification, DistilBertModel, BertForSequenceClassification, BertModel };
  test.each(Object.values(classes) as unknown as (typeof DistilBertModel)[])(
    "%o gives back the same bits",
    async (Class) => {
      const kind = Class.name.startsWith("Distil") ? "distilbert" : "bert";
      const from = await fixture(kind, Class.name.endsWith("Classification"));
      const model = await Class.fromPretrained(from);
      const to = at(`saved/${Class.name}`);
      await model.savePretrained(to);
      expect(readdirSync(to).sort()).toEqual(["config.json", "model.safetensors"]);
      const [before, after] = await Promise.all(
        [from, to].map((folder) => io.loadSafetensors(join(folder, "model.safetensors"))),
      );
      expect([...after!.tensors.keys()].sort()).toEqual([...before!.tensors.keys()].sort());
      for (const [name, value] of before!.tensors) {
        expect(after!.tensors.get(name)!.toArraySync(), `${name}`).toEqual(value.toArraySync());
      }
      expect(after!.metadata).toEqual({ format: "pt" });
      expect(result(await Class.fromPretrained(to))).toEqual(result(model));
      expect(warn).not.toHaveBeenCalled();
    },
  );

  test("keeps what it does not know of the configuration", async () => {
    const { configs } = transformersBert;
    const from = await folderOf(checkpoint("distilbert", true), {
      ...configs.distilbert,
      torch_dtype: "float16",
      finetuning_task: "spam",
      id2label: { 0: "a", 1: "b", 2: "c" },
    });
    const to = at("kept");
    await (await DistilBertForSequenceClassification.fromPretrained(from)).savePretrained(to);
    expect(JSON.parse(readFileSync(join(to, "config.json"), "utf8"))).toEqual({
      ...configs.distilbert,
      id2label: { 0: "a", 1: "b", 2: "c" },
      finetuning_task: "spam",
      architectures: ["DistilBertForSequenceClassification"],
      dtype: "float32",
    });
  });

  test("names as many labels as there are", async () => {
    const labels = async (numLabels: number): Promise<unknown[]> => {
      const to = at(`labels-${numLabels}`);
      await new DistilBertModel({
        vocabSize: 5,
        dim: 2,
        nLayers: 1,
        nHeads: 1,
        hiddenDim: 2,
        numLabels,
      }).savePretrained(to);
      const { id2label, label2id, num_labels } = JSON.parse(readFileSync(join(to, "config.json"), "utf8")) as Record<
        string,
        unknown
      >;
      return [id2label, label2id, num_labels];
    };
    expect(await labels(2)).toEqual([undefined, undefined, undefined]);
    expect(await labels(1)).toEqual([{ 0: "LABEL_0" }, { LABEL_0: 0 }, undefined]);
  });

  test("refuses a wrong name", async () => {
    const model = new DistilBertModel({ vocabSize: 5, dim: 2, nLayers: 1, nHeads: 1, hiddenDim: 2, name: "small" });
    await expect(model.savePretrained("")).rejects.toThrow(
      new ArgumentError(`small.savePretrained: folder is wrong: "", expected a folder's name`),
    );
  });
});

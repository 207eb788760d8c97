import { describe, expect, test } from "vitest";
import {
  BertForSequenceClassification,
  DistilBertForSequenceClassification,
  DistilBertModel,
  IndexError,
  Input,
  Model,
  layers,
  loadModel,
  losses,
  memory,
  metrics,
  optimizers,
  setSeed,
  tensor,
  tidy,
  type Tensor,
} from "nabla";
import { transformersBert } from "../fixtures/transformers_bert.js";
import { bertFolder } from "../support/bert.js";
import { expectClose } from "../support/check-op.js";
import { workFolder } from "../support/safetensors.js";

const folder = bertFolder();
const { at } = workFolder();
const small = { vocabSize: 20, dim: 8, nLayers: 1, nHeads: 2, hiddenDim: 12, maxPositionEmbeddings: 6 };
const smallBert = {
  vocabSize: 20,
  hiddenSize: 8,
  numHiddenLayers: 1,
  numAttentionHeads: 2,
  intermediateSize: 12,
  maxPositionEmbeddings: 6,
};
const ints = (rows: number[][]): Tensor => tensor(rows, { dtype: "int32" });
const inputIds = ints([
  [1, 2, 3],
  [4, 5, 0],
]);
const attentionMask = ints([
  [1, 1, 1],
  [1, 1, 0],
]);

describe("training", () => {
  test("ten steps of AdamW lose what PyTorch's do", async () => {
    const model = await DistilBertForSequenceClassification.fromPretrained(await folder("distilbert", true));
    model.compile({
      optimizer: new optimizers.AdamW({ learningRate: 0.002, weightDecay: 0.01, epsilon: 1e-8 }),
      loss: "sparseCategoricalCrossentropy",
      metrics: ["accuracy"],
    });
    const { input_ids, attention_mask } = transformersBert.inputs;
    const x = { inputIds: ints(input_ids), attentionMask: ints(attention_mask) };
    const y = tensor(transformersBert.labels);
    const lost: number[] = [];
    let accuracy = 0;
    for (let step = 0; step < transformersBert.losses.length; step++) {
      const logs = await model.trainOnBatch(x, y);
      lost.push(logs["loss"]!);
      accuracy = logs["accuracy"]!;
    }
    // Adam divides gradients by their size, so that rounding counts where they are tiny.
    expectClose(lost, transformersBert.losses, 1e-4, "losses");
    expect(lost.length).toBe(10);
    expect(accuracy).toBe(1);
  });

  test("fits, evaluates and predicts what a tokenizer gives", async () => {
    setSeed(1);
    const model = new BertForSequenceClassification(smallBert);
    model.compile({
      optimizer: new optimizers.AdamW({ learningRate: 0.01 }),
      loss: "sparseCategoricalCrossentropy",
      metrics: ["accuracy"],
    });
    const many = Array.from({ length: 12 }, (_, i) => [1, 2 + (i % 2), 4 + i, 0]);
    const x = {
      inputIds: ints(many),
      attentionMask: ints(many.map((row) => row.map((id) => (id === 0 ? 0 : 1)))),
      tokenTypeIds: ints(many.map((row) => row.map(() => 0))),
    };
    const y = many.map((_, i) => i % 2);
    const { history } = await model.fit(x, y, { epochs: 20, batchSize: 5, verbose: 0 });
    expect(history["loss"]!.at(-1)!).toBeLessThan(0.1);
    const { loss, accuracy } = await model.evaluate(x, y, { verbose: 0 });
    expect(accuracy).toBe(1);
    expect(loss).toBeLessThan(0.1);
    const logits = await model.predict(x, { batchSize: 7 });
    expect(logits.shape).toEqual([12, 2]);
    expectClose(logits.dataSync(), model.apply(x).dataSync(), 1e-5, "in batches and at once");
  });

  test("goes on from a file as it would have", async () => {
    const model = new DistilBertForSequenceClassification({
      ...small,
      dropout: 0,
      attentionDropout: 0,
      seqClassifDropout: 0,
    });
    model.compile({ optimizer: "adamw", loss: "sparseCategoricalCrossentropy" });
    await model.trainOnBatch([inputIds, attentionMask], [0, 1]);
    const path = at("model.safetensors");
    await model.save(path);
    const loaded = await loadModel(path);
    expect(loaded).toBeInstanceOf(DistilBertForSequenceClassification);
    const steps = [model, loaded].map((each) => each.trainOnBatch({ inputIds, attentionMask }, [0, 1]));
    const [wanted, given] = await Promise.all(steps);
    expect(given).toEqual(wanted);
    expect(loaded.apply(inputIds)).toMatchObject({ shape: [2, 2] });
    expect(loaded.weights.map((weight) => weight.toArraySync())).toEqual(
      model.weights.map((weight) => weight.toArraySync()),
    );
  });

  test("leaves out what is not trainable", async () => {
    const model = new DistilBertForSequenceClassification({ ...small, dropout: 0 });
    model.distilbert.embeddings.trainable = false;
    const before = model.getWeights().map((weight) => weight.toArraySync());
    model.compile({ optimizer: "adamw", loss: "sparseCategoricalCrossentropy" });
    await model.trainOnBatch([inputIds, attentionMask], [0, 1]);
    const names = model.checkpointWeights().map(({ name }) => name);
    const ofEmbeddings = names.map((name) => name.includes("embeddings"));
    expect(ofEmbeddings.filter(Boolean).length).toBe(4);
    const places = model.checkpointWeights().map(({ weight }) => model.weights.indexOf(weight));
    places.forEach((place, i) => {
      const after = model.weights[place]!.toArraySync();
      if (ofEmbeddings[i]) expect(after, `${names[i]}`).toEqual(before[place]);
      else expect(after, `${names[i]}`).not.toEqual(before[place]);
    });
  });

  test("holds no tensor after a step", async () => {
    const model = new DistilBertForSequenceClassification(small);
    model.compile({ optimizer: "adamw", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
    const labels = tensor([0, 1]);
    const step = (): Promise<unknown> => model.trainOnBatch([inputIds, attentionMask], labels);
    await step();
    const before = memory().tensors;
    await step();
    expect(memory().tensors).toBe(before);
  });
});

describe("dropout", () => {
  const rates = { dropout: 0.5, attentionDropout: 0.5, seqClassifDropout: 0.5 };
  test.each(Object.keys(rates))("%s makes a difference, in training only", (name) => {
    const none = { dropout: 0, attentionDropout: 0, seqClassifDropout: 0 };
    const model = new DistilBertForSequenceClassification({ ...small, ...none, [name]: 0.5 });
    const run = (training: boolean): unknown => model.apply(inputIds, { training }).toArraySync();
    expect(run(false)).toEqual(run(false));
    expect(run(true)).not.toEqual(run(false));
  });

  test.each(["hiddenDropoutProb", "attentionProbsDropoutProb", "classifierDropout"])("so does BERT's %s", (name) => {
    const none = { hiddenDropoutProb: 0, attentionProbsDropoutProb: 0, classifierDropout: 0 };
    const model = new BertForSequenceClassification({ ...smallBert, ...none, [name]: 0.5 });
    const run = (training: boolean): unknown => model.apply(inputIds, { training }).toArraySync();
    expect(run(false)).toEqual(run(false));
    expect(run(true)).not.toEqual(run(false));
    const head = new BertForSequenceClassification({ ...smallBert, hiddenDropoutProb: 0.25 }).dropout;
    expect(head.rate, "by default that of the states").toBe(0.25);
  });

  test("DistilBERT drops nothing of the attention's result", () => {
    setSeed(2);
    const model = new DistilBertModel({ ...small, dropout: 0.999, attentionDropout: 0 });
    const [block] = model.blocks;
    // The dense layers' result is dropped, but for few elements.
    const x = tensor([[[1, 2, -3, 4, -5, 6, -7, 8]]]);
    const attended = tidy(() => {
      const sum = x.add(block!.selfAttention!.apply(x));
      return block!.feedForwardNormalization!.apply(block!.selfAttentionNormalization!.apply(sum));
    });
    expectClose(block!.apply(x, { training: true }).dataSync(), attended.dataSync(), 1e-6, "with all dropped");
  });
});

describe("logits", () => {
  const values = [
    [0.5, -1, 2],
    [3, 0, -2],
  ];
  function logitsModel(): DistilBertForSequenceClassification {
    const model = new DistilBertForSequenceClassification({ ...small, numLabels: 3 });
    const [kernel, bias] = model.classifier.weights as [Tensor, Tensor];
    kernel.assign(kernel.mul(50).detach());
    bias.assign(tensor([0.5, -1, 2]));
    return model;
  }

  test("make the losses that are told of them", () => {
    const model = logitsModel();
    const y = model.apply(inputIds);
    const plain = tensor(y.toArraySync() as number[][]);
    const labels = tensor([2, 0]);
    const hot = tensor(values.map((_, i) => [0, 1, 2].map((k) => Number(k === (i === 0 ? 2 : 0)))));
    const lost = (loss: losses.Loss, target: Tensor, of: Tensor): number => loss.apply(target, of).itemSync() as number;
    const sparse = new losses.SparseCategoricalCrossentropy();
    expect(lost(sparse, labels, y)).toBe(
      lost(new losses.SparseCategoricalCrossentropy({ fromLogits: true }), labels, plain),
    );
    expect(lost(new losses.CategoricalCrossentropy(), hot, y)).toBe(
      lost(new losses.CategoricalCrossentropy({ fromLogits: true }), hot, plain),
    );
    expect(lost(new losses.BinaryCrossentropy(), hot, y)).toBe(
      lost(new losses.BinaryCrossentropy({ fromLogits: true }), hot, plain),
    );
  });

  test("count for binary accuracy as the probabilities that they stand for", async () => {
    const y = logitsModel().apply(inputIds);
    const truth = tensor(y.toArraySync() as number[][])
      .greater(0)
      .cast("float32");
    const metric = new metrics.BinaryAccuracy();
    metric.updateState(truth, y);
    expect(await metric.result()).toBe(1);
    const strict = new metrics.BinaryAccuracy({ threshold: 0.9 });
    const strictTruth = tensor(y.toArraySync() as number[][])
      .greater(Math.log(9))
      .cast("float32");
    strict.updateState(strictTruth, y);
    expect(await strict.result()).toBe(1);
    expect(truth.toArraySync()).not.toEqual(strictTruth.toArraySync());
  });

  test("become probabilities in a layer behind them, whose loss is of them again", () => {
    const model = logitsModel();
    const input = Input({ shape: [null], dtype: "int32" });
    const outputs = new layers.Activation({ activation: "softmax" }).apply(model.apply(input));
    const whole = new Model({ inputs: input, outputs });
    const probabilities = whole.apply(inputIds);
    expectClose(probabilities.dataSync(), model.apply(inputIds).softmax(-1).dataSync(), 1e-6, "probabilities");
    const sparse = new losses.SparseCategoricalCrossentropy();
    const labels = tensor([2, 0]);
    expect(sparse.apply(labels, probabilities).itemSync()).toBe(sparse.apply(labels, model.apply(inputIds)).itemSync());
  });

  test("of one label make a regression, and no classes", async () => {
    const model = new DistilBertForSequenceClassification({ ...small, numLabels: 1, dropout: 0 });
    model.compile({ optimizer: "adamw", loss: "meanSquaredError" });
    const y = tensor([[0.5], [-2]]);
    const { loss } = await model.evaluate(inputIds, y, { verbose: 0 });
    const wanted = model.apply(inputIds).sub(y).square().mean().itemSync() as number;
    expect(loss).toBeCloseTo(wanted, 6);
    const { history } = await model.fit(inputIds, [0.5, -2], { verbose: 0 });
    expect(history["loss"]![0]).toBeGreaterThan(0);
    model.compile({ optimizer: "adamw", loss: "sparseCategoricalCrossentropy" });
    await expect(model.fit(inputIds, [0, 1], { verbose: 0 })).rejects.toThrow(
      new IndexError("fit: label out of range: label 1 is 1, expected an integer from 0 to 0 for 1 classes"),
    );
  });
});

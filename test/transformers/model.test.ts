import { describe, expect, test } from "vitest";
import {
  ArgumentError,
  BertForSequenceClassification,
  BertModel,
  DistilBertForSequenceClassification,
  DistilBertModel,
  Input,
  Model,
  ShapeError,
  layers,
  ones,
  setSeed,
  tensor,
  type Tensor,
} from "nabla";
import { checkErrors } from "../support/check-errors.js";
import { expectClose } from "../support/check-op.js";

const SMALL = { vocabSize: 20, dim: 8, nLayers: 2, nHeads: 2, hiddenDim: 12, maxPositionEmbeddings: 6, name: "small" };
const SMALL_BERT = {
  vocabSize: 20,
  hiddenSize: 8,
  numHiddenLayers: 1,
  numAttentionHeads: 2,
  intermediateSize: 12,
  maxPositionEmbeddings: 6,
};
const ints = (rows: number[][]): Tensor => tensor(rows, { dtype: "int32" });
const inputIds = ints([
  [1, 2, 3, 0],
  [4, 5, 0, 0],
]);
const attentionMask = ints([
  [1, 1, 1, 0],
  [1, 1, 0, 0],
]);
const tokenTypeIds = ints([
  [0, 1, 1, 0],
  [0, 0, 0, 0],
]);
const values = (y: Tensor): unknown => y.toArraySync();

describe("a new model", () => {
  test("has the sizes of distilbert-base-uncased and bert-base-uncased by default", () => {
    const heads = 768 * 768 + 768 + 2 * 768 + 2;
    const { config } = new DistilBertModel({ ...SMALL, nLayers: 1 });
    expect(config).toMatchObject({ dropout: 0.1, attentionDropout: 0.1, seqClassifDropout: 0.2, padTokenId: 0 });
    // The number of parameters that Hugging Face's classes have.
    expect(new DistilBertForSequenceClassification().countParams()).toBe(66_362_880 + heads);
    const bert = new BertModel({ numHiddenLayers: 1 });
    expect(bert.countParams()).toBe(109_482_240 - 11 * 7_087_872);
  });

  test("begins with small normal kernels, a row of zeros for padding, and neutral normalizations", () => {
    setSeed(4);
    const model = new DistilBertForSequenceClassification({ ...SMALL, dim: 64, vocabSize: 500, padTokenId: 3 });
    for (const { name, weight } of model.checkpointWeights()) {
      const [mean, deviation] = [weight.mean(), weight.std()].map((x) => x.itemSync() as number);
      if (/norm\.weight$/i.test(name)) expect([name, mean, deviation]).toEqual([name, 1, 0]);
      else if (name.endsWith("bias")) expect([name, mean, deviation]).toEqual([name, 0, 0]);
      // Four standard deviations of what 128 numbers and more have.
      else
        expect(Math.abs(deviation! - 0.02), `${name}`).toBeLessThan(
          (4 * 0.02) / Math.sqrt(2 * Math.min(weight.size, 2000)),
        );
    }
    const rows = model.distilbert.embeddings.words.embeddings!.abs().sum({ axis: 1 }).dataSync();
    expect([...rows.keys()].filter((row) => rows[row] === 0)).toEqual([3]);
    const none = new DistilBertModel({ ...SMALL, padTokenId: null }).embeddings.words.embeddings!;
    expect([...none.abs().sum({ axis: 1 }).dataSync()].every((sum) => sum > 0)).toBe(true);
  });

  test("says what it is made of, and makes itself again", () => {
    const model = new BertForSequenceClassification({ ...SMALL_BERT, numLabels: 4, name: "mine" });
    const lines: string[] = [];
    model.summary({ printFn: (line) => lines.push(line) });
    expect(lines.map((line) => /│ (\S+) \((\w+)\)/.exec(line)?.slice(1)).filter(Boolean)).toEqual([
      ["Layer", "type"],
      ["mine/bert", "BertModel"],
      ["mine/dropout", "Dropout"],
      ["mine/classifier", "Dense"],
    ]);
    expect(lines.at(-3)).toBe("Total params: 880 (3.44 KB)");
    const again = new BertForSequenceClassification(model.getConfig());
    expect(again.config).toEqual(model.config);
    again.setWeights(model.getWeights());
    expect(values(again.apply(inputIds))).toEqual(values(model.apply(inputIds)));
  });

  test("takes every activation that it names", () => {
    const of = (
      activation: "gelu" | "gelu_new" | "gelu_pytorch_tanh" | "relu" | "silu" | "swish" | "tanh",
    ): unknown => {
      setSeed(5);
      return values(new DistilBertModel({ ...SMALL, activation, initializerRange: 1 }).apply(inputIds));
    };
    const distinct = [of("gelu"), of("gelu_new"), of("relu"), of("silu"), of("tanh")].map((y) => JSON.stringify(y));
    expect(new Set(distinct).size).toBe(5);
    expect(of("gelu_pytorch_tanh")).toEqual(of("gelu_new"));
    expect(of("swish")).toEqual(of("silu"));
  });
});

describe("inputs", () => {
  setSeed(3);
  const large = { initializerRange: 0.5, dtype: "float64" } as const;
  const distil = new DistilBertForSequenceClassification({ ...SMALL, ...large });
  const bert = new BertForSequenceClassification({ ...SMALL_BERT, ...large });
  // Some dozen roundings of float64 to numbers around 1, in another order.
  const TOLERANCE = 1e-13;

  test("a record, a list and one tensor say the same", () => {
    for (const model of [distil, bert]) {
      expect(values(model.apply({ inputIds }))).toEqual(values(model.apply(inputIds)));
      expect(values(model.apply({ attentionMask, inputIds }))).toEqual(values(model.apply([inputIds, attentionMask])));
    }
    const all = { tokenTypeIds, inputIds, attentionMask };
    expect(values(bert.apply(all))).toEqual(values(bert.apply([inputIds, attentionMask, tokenTypeIds])));
    expect(values(bert.apply(all))).not.toEqual(values(bert.apply([inputIds, attentionMask])));
    expect(values(distil.apply(all))).toEqual(values(distil.apply([inputIds, attentionMask])));
  });

  test("a mask of any dtype, or that of the call, leaves tokens out", () => {
    const wanted = values(distil.apply([inputIds, attentionMask]));
    expect(wanted).not.toEqual(values(distil.apply(inputIds)));
    for (const dtype of ["bool", "float32", "uint8"] as const) {
      expect(values(distil.apply([inputIds, attentionMask.cast(dtype)]))).toEqual(wanted);
    }
    const mask = attentionMask.cast("bool");
    expect(values(distil.apply(inputIds, { mask }))).toEqual(wanted);
    expect(values(distil.apply([inputIds, ones([2, 4])], { mask }))).toEqual(wanted);
    const longer = ints([
      [1, 2, 3, 0, 9],
      [4, 5, 0, 0, 9],
    ]);
    const longerMask = ints([
      [1, 1, 1, 0, 0],
      [1, 1, 0, 0, 0],
    ]);
    expectClose(
      distil.apply([longer, longerMask]).dataSync(),
      (wanted as number[][]).flat(),
      TOLERANCE,
      "more padding",
    );
  });

  test("without types all tokens are of type 0", () => {
    const zeros = tokenTypeIds.mul(0);
    const wanted = bert.apply([inputIds, attentionMask, zeros]).dataSync();
    expectClose(bert.apply([inputIds, attentionMask]).dataSync(), wanted, TOLERANCE, "no types");
  });

  test("one text at a time gives what all give together", () => {
    const all = distil.apply([inputIds, attentionMask]);
    const first = distil.apply(ints([[1, 2, 3]]));
    expectClose(first.dataSync(), all.slice([[0, 1]]).dataSync(), TOLERANCE, "the first, without its padding");
  });

  test("are a part of a graph of layers", () => {
    const base = new DistilBertModel({ ...SMALL, ...large });
    const ids = Input({ shape: [4], dtype: "int32", name: "ids" });
    const mask = Input({ shape: [4], dtype: "int32", name: "counts" });
    const states = base.apply([ids, mask]);
    expect(states.shape).toEqual([null, 4, 8]);
    const model = new Model({
      inputs: [ids, mask],
      outputs: new layers.LSTM({ units: 3, dtype: "float64" }).apply(states),
    });
    const y = model.apply([inputIds, attentionMask] as unknown as Tensor);
    expect(y.shape).toEqual([2, 3]);
    // The LSTM passes over the tokens that the mask leaves out.
    const other = ints([
      [1, 2, 3, 9],
      [4, 5, 9, 9],
    ]);
    expectClose(
      model.apply([other, attentionMask] as unknown as Tensor).dataSync(),
      y.dataSync(),
      TOLERANCE,
      "other padding",
    );
  });

  test("BERT gives states and what the pooler makes of the first", () => {
    const model = new BertModel({ ...SMALL_BERT, ...large });
    const [states, pooled] = model.apply([inputIds, attentionMask]) as [Tensor, Tensor];
    expect([states.shape, pooled.shape]).toEqual([
      [2, 4, 8],
      [2, 8],
    ]);
    expect(values(pooled)).toEqual(values(model.pooler.apply(states.index(null, 0))));
    expect(model.computeOutputShape([null, 4])).toEqual([
      [null, 4, 8],
      [null, 8],
    ]);
  });

  const base = new DistilBertModel(SMALL);
  checkErrors({
    "do not fit": [
      [
        () => distil.apply(ints([[1, 2, 3, 4, 5, 6, 7]])),
        ShapeError,
        "small/distilbert/embeddings: too many tokens: the input has 7 in axis 1, expected at most 6, one for each position",
      ],
      [
        () => base.apply([inputIds, ones([2, 3])]),
        ShapeError,
        "small: attentionMask does not fit: its shape is [2,3], expected [2,4], that of inputIds",
      ],
      [
        () => base.apply([inputIds, attentionMask, ones([1, 4])]),
        ShapeError,
        "small: tokenTypeIds does not fit: its shape is [1,4], expected [2,4], that of inputIds",
      ],
      [
        () => base.apply([inputIds, attentionMask, tokenTypeIds, inputIds]),
        ArgumentError,
        "small: the input is wrong: a list of 4, expected [inputIds, attentionMask, tokenTypeIds], of which all but the first may be left out",
      ],
      [() => base.apply(tensor([1, 2])), ShapeError, "small: the input does not fit: its shape is [2], expected [*,*]"],
      [() => base.apply({ attentionMask }), ArgumentError, "small: the input inputIds is missing: attentionMask given"],
      [
        () => base.apply({ inputIds, tokenTypeIds }),
        ArgumentError,
        "small: the input attentionMask is missing: inputIds, tokenTypeIds given",
      ],
      [
        () => base.apply({ inputIds, atentionMask: attentionMask }),
        ArgumentError,
        'small: unknown input: "atentionMask", did you mean "attentionMask"?',
      ],
    ],
    configurations: [
      [
        () => new DistilBertModel({ nLayer: 3 } as object),
        ArgumentError,
        'DistilBertModel: unknown option: "nLayer", did you mean "nLayers"?',
      ],
      [
        () => new DistilBertModel({ dim: 0 }),
        ArgumentError,
        "DistilBertModel: dim is wrong: 0, expected a positive integer",
      ],
      [
        () => new BertModel({ hiddenDropoutProb: 1 }),
        ArgumentError,
        "BertModel: hiddenDropoutProb is wrong: 1, expected a number from 0 to below 1",
      ],
      [
        () => new BertModel({ padTokenId: -1 }),
        ArgumentError,
        "BertModel: padTokenId is out of range: -1, expected an integer of at least 0",
      ],
      [
        () => new DistilBertModel({ ...SMALL, padTokenId: 20 }),
        ArgumentError,
        "small/embeddings: padTokenId is no token: it is 20, expected less than vocabSize, 20",
      ],
      [
        () => new BertModel({ ...SMALL_BERT, name: "mine", hiddenAct: "mish" as "gelu" }),
        ArgumentError,
        'BertModel: hiddenAct is wrong: "mish", expected one of gelu, gelu_new, gelu_pytorch_tanh, relu, silu, swish, tanh',
      ],
    ],
  });

  test("features that the heads do not divide", () => {
    expect(() => new DistilBertModel({ ...SMALL, dim: 9 })).toThrow(
      new ShapeError(
        "small/blocks.0: the heads do not divide the features: the input is [null,null,9], expected a multiple of 2 in axis -1",
      ),
    );
  });
});

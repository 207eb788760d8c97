import { describe, expect, test } from "vitest";
import {
  BertForSequenceClassification,
  BertModel,
  DistilBertForSequenceClassification,
  DistilBertModel,
  losses,
  tensor,
  type Tensor,
} from "nabla";
import { toCheckpoint } from "../../src/ts/transformers/checkpointWeight.js";
import { factors, transformersBert, type BertCase } from "../fixtures/transformers_bert.js";
import { bertFolder } from "../support/bert.js";
import { expectClose } from "../support/check-op.js";

const classes = { DistilBertModel, DistilBertForSequenceClassification, BertModel, BertForSequenceClassification };
type AnyBert = InstanceType<(typeof classes)[keyof typeof classes]>;
type AnyClass = { fromPretrained(folder: string, options: object): Promise<AnyBert> };

const { cases, labels } = transformersBert;
const folder = bertFolder();

const inputs = Object.values(transformersBert.inputs).map((rows) => tensor(rows, { dtype: "int32" }));

async function load({ model }: BertCase, dtype: "float32" | "float64"): Promise<AnyBert> {
  const made = await folder(model.startsWith("Distil") ? "distilbert" : "bert", model.endsWith("Classification"));
  return (classes as unknown as Record<string, AnyClass>)[model]!.fromPretrained(made, { dtype });
}

function randomSum(x: Tensor): Tensor {
  return x.mul(tensor(factors(x.size), { shape: x.shape, dtype: x.dtype })).sum();
}

describe.each(cases.map((each, i) => [`${each.model}, case ${i}`, each] as const))("%s", (_, each) => {
  test.each(["float32", "float64"] as const)("gives transformers' results and gradients in %s", async (dtype) => {
    const model = await load(each, dtype);
    const results = [model.apply(inputs.slice(0, each.inputs))].flat() as Tensor[];
    expect(results.length).toBe(each.results.length);
    results.forEach((result, i) => {
      const wanted = each.results[i]!;
      // Sums of some dozen products of float32 in each of two blocks, there too; the file has six digits.
      expectClose(result.dataSync().slice(0, wanted.length), wanted, 2e-5, `result ${i}`);
    });
    const loss = each.model.endsWith("Classification")
      ? new losses.SparseCategoricalCrossentropy().apply(tensor(labels), results[0]!)
      : results.map(randomSum).reduce((a, b) => a.add(b));
    expectClose([loss.itemSync() as number], [each.loss], 1e-5, "loss");
    loss.backward();
    const weights = model.checkpointWeights().sort((a, b) => (a.name < b.name ? -1 : 1));
    expect(2 * weights.length).toBe(each.gradients.length);
    weights.forEach((weight, i) => {
      const gradient = toCheckpoint(weight, weight.weight.grad!);
      const given = [gradient.square().sum().sqrt(), randomSum(gradient)].map((x) => x.itemSync() as number);
      const [norm, sum] = each.gradients.slice(2 * i) as [number, number];
      // A key's bias makes no difference to a softmax: its gradient is what rounding leaves of sums of some 10.
      const tolerance = 1e-4 * norm + 1e-5;
      expect(Math.abs(given[0]! - norm), `norm of ${weight.name}`).toBeLessThan(tolerance);
      expect(Math.abs(given[1]! - sum), `sum of ${weight.name}`).toBeLessThan(tolerance);
    });
  });
});

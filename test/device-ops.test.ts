// Every op on tensors of another device than the current one: what it makes on its way, and in backward, has to be there.
import "./support/cuda.js";
import { describe, expect, test } from "vitest";
import { grad, setSeed, tensor, tidy, Tensor } from "nabla";
import { readFixtures, toNumbers, type OpCase } from "./fixtures/torch/fixtures.js";
import { fill, functions } from "./support/fixture-args.js";

const onCuda = ({ inputs }: OpCase): Tensor[] =>
  inputs.map(({ shape, dtype, data }) =>
    tensor(toNumbers(data), { shape, dtype, device: "cuda", requiresGrad: dtype === "float32" }),
  );

function run({ op, args }: OpCase, inputs: readonly Tensor[]): Tensor[] {
  const result = functions[op]!(...(fill(args, inputs) as unknown[]));
  return result instanceof Tensor ? [result] : Object.values(result);
}

function check(testCase: OpCase): void {
  const inputs = onCuda(testCase);
  const outputs = run(testCase, inputs);
  expect(outputs.map(({ device }) => device)).toEqual(outputs.map(() => "cuda"));
  outputs.forEach((output, i) => {
    if (testCase.outputs[i]!.gradient === null) return;
    output.mul(output).sum().backward(undefined, { retainGraph: true });
  });
  testCase.gradients.forEach((gradient, i) => {
    if (gradient !== null) expect(inputs[i]!.grad!.device).toBe("cuda");
  });
  twice(testCase);
}

/** The gradients of gradients are made of other ops. */
function twice(testCase: OpCase): void {
  const wanted = testCase.gradients.flatMap((gradient, i) => (gradient === null ? [] : [i]));
  if (wanted.length === 0 || testCase.smooth === false) return;
  const all = onCuda(testCase);
  const f = (...given: Tensor[]): Tensor => {
    const outputs = run(
      testCase,
      all.map((input, i) => given[wanted.indexOf(i)] ?? input),
    );
    const parts = outputs.filter((_, i) => testCase.outputs[i]!.gradient !== null).map((output) => output.tanh().sum());
    return parts.reduce((a, b) => a.add(b));
  };
  const penalty = (...given: Tensor[]): Tensor => {
    const slopes = [grad(f)(...given)].flat() as Tensor[];
    return slopes.map((slope) => slope.tanh().sum()).reduce((a, b) => a.add(b));
  };
  const second = [grad(penalty)(...wanted.map((i) => all[i]!))].flat() as Tensor[];
  expect(second.map(({ device }) => device)).toEqual(second.map(() => "cuda"));
}

const skipped = new Set<string>();
const fixtures = [...readFixtures()].flatMap(([stem, { cases }]) => {
  const suited = cases.filter(({ inputs }) => inputs.length > 0);
  if (suited.length === 0) skipped.add(stem);
  return suited.length > 0 ? [[stem, suited] as const] : [];
});

test("there are cases", () => {
  expect(fixtures.flatMap(([, cases]) => cases).length).toBeGreaterThan(300);
  expect([...skipped]).toEqual(["linspace"]);
});

describe.each(fixtures)("%s", (_, cases) => {
  test.each(cases.map((testCase) => [testCase.name, testCase] as const))("%s", (_name, testCase) => {
    tidy(() => check(testCase));
  });
});

test("the random ones too", () => {
  const x = tensor([1, 2, 3, 4], { device: "cuda", requiresGrad: true });
  setSeed(1);
  const there = [functions["dropout"]!(x, 0.5), functions["shuffle"]!(x)] as Tensor[];
  setSeed(1);
  const here = [functions["dropout"]!(x.to("cpu"), 0.5), functions["shuffle"]!(x.to("cpu"))] as Tensor[];
  expect(there.map(({ device }) => device)).toEqual(["cuda", "cuda"]);
  expect(there.map((y) => y.toArraySync())).toEqual(here.map((y) => y.toArraySync()));
});

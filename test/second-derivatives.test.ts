import { describe, expect, test } from "vitest";
import { checkGradients, grad, tensor, tidy, Tensor } from "nabla";
import { registry } from "../src/ts/op.js";
import type { TapeNode } from "../src/ts/tape.js";
import { readFixtures, toNumbers, type OpCase } from "./fixtures/torch/fixtures.js";
import { fill, functions } from "./support/fixture-args.js";

// Every case that has a PyTorch fixture with gradients is differentiated twice, in float64: central differences with a
// step of 1e-5 are exact to some 1e-10 where the third derivative is around 1.

/** Ops of the registry that were differentiated, and those whose gradient was. */
const seen = new Set<string>();

function note(result: Tensor): void {
  const visited = new Set<TapeNode>();
  const stack: (TapeNode | null)[] = [result.node];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (node === null || visited.has(node)) continue;
    visited.add(node);
    seen.add(node.op);
    stack.push(...node.edges);
  }
}

/** The floating-point inputs of a case, in float64, and the sum of its differentiable outputs as a function of them. */
function problem(testCase: OpCase): { f: (...floats: Tensor[]) => Tensor; floats: Tensor[] } {
  const wanted = testCase.inputs.flatMap((_, i) => (testCase.gradients[i] ? [i] : []));
  const others = testCase.inputs.map(({ dtype, shape, data }) =>
    tensor(toNumbers(data), { shape, dtype: dtype === "float32" ? "float64" : dtype }),
  );
  const f = (...floats: Tensor[]): Tensor => {
    const inputs = others.map((other, i) => (wanted.includes(i) ? floats[wanted.indexOf(i)]! : other));
    const result = functions[testCase.op]!(...(fill(testCase.args, inputs) as unknown[]));
    const outputs = result instanceof Tensor ? [result] : Object.values(result);
    const parts = outputs.filter((_, i) => testCase.outputs[i]!.gradient !== null).map((output) => output.tanh().sum());
    return parts.reduce((a, b) => a.add(b));
  };
  return { f, floats: wanted.map((i) => others[i]!) };
}

const fixtures = [...readFixtures()].flatMap(([stem, { cases }]) => {
  const suited = cases.filter(({ gradients, smooth }) => smooth !== false && gradients.some((g) => g !== null));
  return suited.length > 0 ? [[stem, suited] as const] : [];
});

describe.each(fixtures)("%s", (_, differentiable) => {
  test.each(differentiable.map((testCase) => [testCase.name, testCase] as const))("%s", (_name, testCase) => {
    const { f, floats } = problem(testCase);
    expect(checkGradients(f, floats, { order: 2, samples: 12 })).toBeLessThan(1e-6);
    tidy(() => {
      const leaves = floats.map((float) => tensor(float.dataSync(), { shape: float.shape, requiresGrad: true }));
      note(f(...leaves));
      const slopes = (g: (...xs: Tensor[]) => Tensor, xs: Tensor[]): Tensor[] => [grad(g)(...xs)].flat() as Tensor[];
      const penalty = (...xs: Tensor[]): Tensor =>
        slopes(f, xs)
          .map((slope) => slope.tanh().sum())
          .reduce((a, b) => a.add(b));
      [...slopes(f, leaves), ...slopes(penalty, leaves)].forEach(note);
    });
  });
});

/** Ops whose gradients other tests check. */
const elsewhere: Readonly<Record<string, string>> = {
  cast: "float32 is too coarse for differences: test/ops/cast.test.ts",
  dropout: "random, so without a fixture: test/ops/dropout.test.ts",
};

test("every differentiable op was seen", () => {
  const differentiable = [...registry.values()].flatMap(({ definition }) =>
    "backward" in definition && definition.backward !== null ? [definition.name] : [],
  );
  expect(differentiable.length).toBeGreaterThan(50);
  expect(differentiable.filter((name) => !seen.has(name) && !(name in elsewhere))).toEqual([]);
});

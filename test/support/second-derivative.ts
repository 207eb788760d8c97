import { describe, expect, test } from "vitest";
import { checkGradients, tensor, type Tensor } from "nabla";
import type { Nd } from "../reference/nd.js";
import type { Case } from "./check-op.js";
import { draw, random, type Values } from "./values.js";

/** Elements of each input that are moved. */
const SAMPLES = 12;

/**
 * Checks the gradients of the gradients of `f` in float64, by its inputs and by the gradient that is passed back. The
 * tolerance is that of checkGradients: central differences are exact to some 1e-10 where the third derivative is
 * around 1.
 */
export function checkSecondDerivative(
  f: (...inputs: Tensor[]) => Tensor | Tensor[],
  shapes: readonly (readonly number[])[],
  values: Values = "nonzero",
): void {
  const next = random(`second derivative of ${JSON.stringify(shapes)}`);
  check(
    f,
    shapes.map((shape) => ({ shape, data: draw(values, shape, next) })),
    next,
  );
}

function check(f: (...inputs: Tensor[]) => Tensor | Tensor[], points: readonly Nd[], next: () => number): void {
  const inputs: Tensor[] = points.map(({ shape, data }) => tensor(data, { shape }));
  const outputs = [f(...inputs)].flat();
  expect(outputs.length).toBeGreaterThan(0);
  const seeds: Tensor[] = outputs.map(({ shape }) => tensor(draw("normal", shape, next), { shape, dtype: "float64" }));
  const weighted = (...given: Tensor[]): Tensor => {
    const results = [f(...given.slice(0, inputs.length))].flat();
    const parts = results.map((result, i) => result.mul(given[inputs.length + i]!).sum());
    return parts.reduce((a, b) => a.add(b)) as Tensor;
  };
  expect(checkGradients(weighted, [...inputs, ...seeds], { order: 2, samples: SAMPLES })).toBeLessThan(1e-6);
}

export interface SecondDerivativeCheck<A> {
  readonly op: string;
  readonly cases: readonly Case<A>[];
  run(inputs: Tensor[], attrs: A): Tensor;
}

/** Registers a test of second derivatives for each case of a table. */
export function checkSecondDerivatives<A>({ op, cases, run }: SecondDerivativeCheck<A>): void {
  describe(`${op}, second derivatives`, () => {
    test("has cases", () => expect(cases.length).toBeGreaterThan(0));
    test.each(cases.map((testCase) => [testCase.name, testCase] as const))("%s", (name, { inputs, attrs }) => {
      const next = random(`${op} ${name} twice`);
      const points = inputs.map(({ shape, values }) => ({ shape, data: draw(values ?? "normal", shape, next) }));
      check((...given) => run(given, attrs), points, next);
    });
  });
}

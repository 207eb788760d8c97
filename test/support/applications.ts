import { expect } from "vitest";
import type { Model, Tensor } from "nabla";
import { byName, makeFactors, makeImages, type ApplicationCase } from "../fixtures/applications.js";

/** Runs a model and checks its logits and all gradients. `inFile` says a gradient's name and layout in the fixture. */
export async function checkCase(
  model: Model,
  expected: ApplicationCase,
  inFile: (name: string, gradient: Tensor) => readonly [string, Tensor] = (name, gradient) => [name, gradient],
): Promise<void> {
  const logits = model.apply(makeImages(expected.shape));
  // Of float64 the fixture's six digits are left. float32 has sums of some hundred products in another order, through tens of
  // layers, and near a kink of ReLU or between two maxima a rounding may take another way.
  const [logitBound, bound] = logits.dtype === "float64" ? [1e-5, 1e-5] : [1e-4, 1e-3];
  const found = Array.from(await logits.data(), Number);
  expect(found.length).toBe(expected.logits.length);
  // The logits are about 1.
  found.forEach((value, i) => expect(Math.abs(value - expected.logits[i]!), `logit ${i}`).toBeLessThan(logitBound));

  logits.mul(makeFactors(logits.shape)).sum().backward();
  const gradients = [...model.namedWeights()]
    .filter(([, weight]) => weight.requiresGrad)
    .map(([name, weight]) => inFile(name, weight.grad!))
    .sort(byName);
  expect(expected.gradients.length).toBe(2 * gradients.length);
  for (const [i, [name, gradient]] of gradients.entries()) {
    const [norm, sum] = expected.gradients.slice(2 * i, 2 * i + 2) as [number, number];
    const own = await gradient.norm().item();
    const ownSum = await gradient
      .flatten()
      .dot(makeFactors([gradient.size]))
      .item();
    expect(Math.abs(own - norm), `norm of ${name}`).toBeLessThan(bound * norm);
    expect(Math.abs(ownSum - sum), `sum of ${name}`).toBeLessThan(bound * norm);
  }
}

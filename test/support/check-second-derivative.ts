import { expect } from "vitest";
import { add, tensor, type Tensor } from "nabla";
import { expectClose } from "./check-op.js";
import { draw, random } from "./values.js";

const STEP = 1e-4;
/** Central differences in float64: 1e-8 from the third derivative, some 1e-11 from rounding. */
const TOLERANCE = 1e-6;

/**
 * Asserts that the gradient of a gradient is right and reaches every input: of s = sum of v times the gradient of
 * sum(w f(x)²), against central differences of s. The square makes the first gradient of a linear f depend on x.
 */
export function checkSecondDerivative(
  f: (...inputs: Tensor[]) => Tensor | Tensor[],
  shapes: (readonly number[])[],
): void {
  const next = random(`second derivative of ${JSON.stringify(shapes)}`);
  const values = shapes.map((shape) => draw("nonzero", shape, next));
  const directions = shapes.map((shape) => tensor(draw("normal", shape, next), { shape }));
  const weights: Tensor[] = [];

  const slope = (data: readonly Float64Array[], createGraph: boolean): { inputs: Tensor[]; s: Tensor } => {
    const inputs = data.map((own, i) => tensor(own, { shape: shapes[i]!, requiresGrad: true }));
    const outputs = [f(...inputs)].flat();
    const losses = outputs.map((y, i) => {
      weights[i] ??= tensor(draw("normal", y.shape, next), { shape: y.shape, dtype: "float64" });
      return y.mul(y).mul(weights[i]).sum();
    });
    losses.reduce(add).backward(undefined, { createGraph });
    const gradients = inputs.map(({ grad }) => grad!);
    const s = gradients.map((gradient, i) => gradient.mul(directions[i]!).sum()).reduce(add);
    for (const input of inputs) input.grad = null;
    return { inputs, s };
  };

  const { inputs, s } = slope(values, true);
  s.backward();
  let looked = 0;
  inputs.forEach(({ grad }, i) => {
    expect(grad, `input ${i} has a second derivative`).not.toBeNull();
    const got = grad!.dataSync();
    const at = (place: number, shift: number): number => {
      const moved = values.map((own) => new Float64Array(own));
      moved[i]![place]! += shift;
      return slope(moved, false).s.itemSync();
    };
    got.forEach((own, place) => {
      const wanted = (at(place, STEP) - at(place, -STEP)) / (2 * STEP);
      expectClose([own], [wanted], TOLERANCE, `second derivative of input ${i} at ${place}`);
      looked++;
    });
  });
  expect(looked).toBeGreaterThan(0);
}

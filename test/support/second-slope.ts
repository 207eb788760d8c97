import { test } from "vitest";
import { tensor, type Tensor } from "nabla";
import { expectClose } from "./check-op.js";
import { draw, random } from "./values.js";

const STEP = 1e-5;
/** Central differences in float64: some 1e-10 from the third derivative of the gradient, 1e-10 from rounding. */
const TOLERANCE = 1e-6;

/**
 * Registers a test of the second derivative of an elementwise function: s = sum(v * gradient of sum(c * f(x))), and
 * its gradients by x, against differences of the first gradient, and by c.
 */
export function checkSecondSlope(name: string, f: (x: Tensor) => Tensor, points: readonly number[]): void {
  test(`${name}, second derivative`, () => {
    const next = random(`second derivative of ${name}`);
    const [c, v] = ["c", "v"].map(() => draw("normal", [points.length], next)) as [Float64Array, Float64Array];
    const slopes = (shift: number): Float64Array => {
      const x = tensor(Float64Array.from(points, (point) => point + shift)).detach();
      x.requiresGrad = true;
      f(x).sum().backward();
      return x.grad!.dataSync() as Float64Array;
    };
    const [before, at, after] = [slopes(-STEP), slopes(0), slopes(STEP)];

    const x = tensor(Float64Array.from(points), { requiresGrad: true });
    const weights = tensor(c, { requiresGrad: true });
    f(x).mul(weights).sum().backward(undefined, { createGraph: true });
    const s = x.grad!.mul(tensor(v)).sum();
    x.grad = null;
    weights.grad = null;
    s.backward();
    const bySlope = points.map((_, i) => ((after[i]! - before[i]!) / (2 * STEP)) * c[i]! * v[i]!);
    expectClose(x.grad === null ? points.map(() => 0) : (x.grad as Tensor).dataSync(), bySlope, TOLERANCE, "by x");
    expectClose(
      (weights.grad as Tensor | null)!.dataSync(),
      Array.from(at, (slope, i) => slope * v[i]!),
      1e-12, // the same kernel on the same numbers
      "by the weights",
    );
  });
}

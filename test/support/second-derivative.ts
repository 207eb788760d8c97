import { expect } from "vitest";
import { mul, sum, tensor, type Tensor } from "nabla";
import { count } from "../reference/nd.js";
import { random, draw } from "./values.js";

const STEP = 1e-5;

/**
 * Checks the gradient of a gradient in float64: for y = op(inputs) with a random gradient g, the slope of
 * s = sum over inputs of (gradient * v), at every element of the inputs and of g, against central differences.
 *
 * The tolerance is 1e-6 of the larger of 1 and the value: 1e-10 from the third derivative, 1e-10 from rounding, with
 * room for steep ops.
 */
export function checkSecondDerivative(
  name: string,
  op: (inputs: Tensor[]) => Tensor,
  shapes: readonly (readonly number[])[],
  tolerance = 1e-6,
): void {
  const next = random(`second derivative of ${name}`);
  const inputs = shapes.map((shape) => draw("positive", shape, next));
  const outputShape = op(inputs.map((data, i) => tensor(data, { shape: [...shapes[i]!] }))).shape;
  const values = [...inputs, draw("normal", outputShape, next)];
  const valueShapes = [...shapes, outputShape];
  const directions = shapes.map((shape) => draw("normal", shape, next));

  const evaluate = (data: readonly Float64Array[]): { slopes: Tensor; leaves: Tensor[] } => {
    const leaves = data.map((elements, i) => tensor(elements, { shape: [...valueShapes[i]!], requiresGrad: true }));
    const wanted = leaves.slice(0, -1);
    // By way of an op, which makes the seed part of the graph.
    op(wanted).backward(mul(leaves.at(-1)!, 1), { createGraph: true });
    const terms = wanted.map((leaf, i) => sum(mul(leaf.grad!, tensor(directions[i]!, { shape: [...shapes[i]!] }))));
    for (const leaf of wanted) leaf.grad = null;
    return { slopes: terms.reduce((a, b) => a.add(b)) as Tensor, leaves };
  };
  const { slopes, leaves } = evaluate(values);
  slopes.backward();
  let looked = 0;
  leaves.forEach((leaf, i) => {
    const got = leaf.grad?.dataSync() ?? new Float64Array(count(valueShapes[i]!));
    values[i]!.forEach((value, at) => {
      const shifted = (shift: number): number =>
        evaluate(values.map((data, j) => (j === i ? data.with(at, value + shift) : data))).slopes.itemSync();
      const wanted = (shifted(STEP) - shifted(-STEP)) / (2 * STEP);
      const error = Math.abs(got[at]! - wanted);
      if (!(error <= tolerance * Math.max(1, Math.abs(wanted)))) {
        expect.fail(`${name}: second derivative by input ${i} at ${at} is ${got[at]}, measured ${wanted}`);
      }
      looked++;
    });
  });
  expect(looked).toBeGreaterThan(0);
}

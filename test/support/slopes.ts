import { expect } from "vitest";
import { noGrad, tensor, type Tensor } from "nabla";

/** Central differences with this step in float64: some 1e-9 of the slope from the third derivative and rounding. */
const STEP = 1e-5;

/** Compares the gradients of all weights and inputs, five elements of each, with the slopes of the loss; says how many. */
export function checkSlopes(tensors: readonly Tensor[], loss: () => Tensor): number {
  loss().backward();
  let compared = 0;
  for (const place of tensors) {
    const gradient = place.grad!.dataSync();
    const values = place.dataSync();
    const at = (i: number, delta: number): number => {
      const moved = values.slice();
      moved[i]! += delta;
      noGrad(() => place.assign(tensor(moved, { shape: place.shape })));
      return noGrad(loss).itemSync();
    };
    for (let i = 0; i < values.length; i += Math.ceil(values.length / 5)) {
      const slope = (at(i, STEP) - at(i, -STEP)) / (2 * STEP);
      expect(Math.abs(gradient[i]! - slope)).toBeLessThanOrEqual(1e-7 * Math.max(1, Math.abs(slope)));
      compared++;
    }
    noGrad(() => place.assign(tensor(values, { shape: place.shape })));
  }
  return compared;
}

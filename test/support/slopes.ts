import { noGrad, tensor, type Tensor } from "nabla";

/** Central differences with this step in float64: some 1e-9 of the slope from the third derivative and rounding. */
const STEP = 1e-5;
/** What {@link largestSlopeError} may give: a hundred times that, for losses that bend more. */
export const SLOPE_TOLERANCE = 1e-7;

/**
 * The largest difference between the gradients of some elements of each tensor and the slopes of the loss, relative to
 * the larger of 1 and the slope; infinite when there is next to nothing to compare. What `checkGradients` does for
 * inputs, for tensors that the loss reads where they are: the weights of layers.
 */
export function largestSlopeError(tensors: readonly Tensor[], loss: () => Tensor): number {
  loss().backward();
  const errors: number[] = [];
  for (const place of tensors) {
    const gradient = place.grad!.dataSync();
    const values = place.dataSync();
    const assign = (data: typeof values): void => noGrad(() => void place.assign(tensor(data, { shape: place.shape })));
    for (let i = 0; i < values.length; i += Math.ceil(values.length / 7)) {
      const [above, below] = [STEP, -STEP].map((delta) => {
        const moved = values.slice();
        moved[i]! += delta;
        assign(moved);
        return noGrad(loss).itemSync();
      }) as [number, number];
      const slope = (above - below) / (2 * STEP);
      errors.push(Math.abs(gradient[i]! - slope) / Math.max(1, Math.abs(slope)));
    }
    assign(values);
  }
  return errors.length > 5 ? Math.max(...errors) : Infinity;
}

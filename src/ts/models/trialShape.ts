import { ArgumentError } from "../errors.js";
import { formatBatchShape, type BatchShape } from "../layers/batchShape.js";
import { tidy } from "../memory.js";
import { zeros } from "../ops/creation.js";
import { withRecording } from "../tape.js";
import type { Tensor } from "../tensor.js";

/**
 * The shape of what `run` gives, found by running it on one sample of zeros: for layers of users that do not define
 * computeOutputShape.
 *
 * @throws ArgumentError when a size other than the batch's is not known.
 */
export function trialShape(
  name: string,
  inputShape: BatchShape,
  dtype: "float32" | "float64",
  run: (x: Tensor) => Tensor,
): BatchShape {
  const [, ...sample] = inputShape;
  if (!sample.every((size) => size !== null)) {
    throw new ArgumentError(
      `${name}: the output shape for ${formatBatchShape(inputShape)} is not known: define computeOutputShape in its class`,
    );
  }
  return withRecording(false, () =>
    tidy(() => {
      const y = run(zeros([1, ...sample], { dtype }));
      if (Array.isArray(y)) throw notOneTensor(name, y);
      return [null, ...y.shape.slice(1)];
    }),
  );
}

/** The error for a layer that gives a list of tensors where one is expected. */
export function notOneTensor(name: string, results: { readonly length: number }): ArgumentError {
  return new ArgumentError(
    `${name}: the result is not one tensor: it is a list of ${results.length}, expected a tensor`,
  );
}

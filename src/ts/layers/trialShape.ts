import { ArgumentError } from "../errors.js";
import { tidy } from "../memory.js";
import { zeros } from "../ops/creation.js";
import { withRecording } from "../tape.js";
import { formatBatchShape, shapeList, type BatchShape } from "./batchShape.js";
import type { FloatDType, ShapesOf, Tensors } from "./layer.js";

/**
 * The shape of what `run` gives, found by running it on one sample of zeros: for layers of users that do not define
 * computeOutputShape.
 *
 * @throws ArgumentError when a size other than the batch's is not known.
 */
export function trialShape<In extends Tensors, Out extends Tensors>(
  name: string,
  inputShape: ShapesOf<In>,
  dtype: FloatDType,
  run: (x: In) => Out,
): ShapesOf<Out> {
  const isList = Array.isArray(inputShape[0]);
  const samples = shapeList(inputShape).map((shape) => {
    const [, ...sample] = shape;
    if (sample.every((size) => size !== null)) return sample;
    throw new ArgumentError(
      `${name}: the output shape for ${formatBatchShape(shape)} is not known: define computeOutputShape in its class`,
    );
  });
  return withRecording(false, () =>
    tidy(() => {
      const inputs = samples.map((sample) => zeros([1, ...sample], { dtype }));
      const y: Tensors = run((isList ? inputs : inputs[0]!) as Tensors as In);
      const shapeOf = ({ shape }: { shape: readonly number[] }): BatchShape => [null, ...shape.slice(1)];
      return (Array.isArray(y) ? y.map(shapeOf) : shapeOf(y as never)) as ShapesOf<Tensors> as ShapesOf<Out>;
    }),
  );
}

/** The error for a layer that gives a list of tensors where one is expected. */
export function notOneTensor(name: string, results: { readonly length: number }): ArgumentError {
  return new ArgumentError(
    `${name}: the result is not one tensor: it is a list of ${results.length}, expected a tensor`,
  );
}

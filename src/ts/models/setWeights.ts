import { to } from "../ops/to.js";
import { ArgumentError, ShapeError } from "../errors.js";
import { tidy } from "../memory.js";
import { assign } from "../ops/assign.js";
import { cast } from "../ops/cast.js";
import { tensor } from "../ops/creation.js";
import { formatShape, sameShape, sizeOf } from "../shape.js";
import { withRecording } from "../tape.js";
import { Tensor } from "../tensor.js";
import type { ModelInput } from "./samples.js";

/** See {@link Model.setWeights}. */
export function setWeights(weights: readonly Tensor[], values: readonly ModelInput[]): void {
  if (!Array.isArray(values) || values.length !== weights.length) {
    const given = Array.isArray(values) ? `${values.length} values` : "no array";
    throw new ArgumentError(`setWeights: the number of weights differs: ${given}, the model has ${weights.length}`);
  }
  withRecording(false, () =>
    tidy(() => {
      const converted = weights.map((weight, i) => toWeight(weight, values[i] as ModelInput, i));
      weights.forEach((weight, i) => assign(weight, converted[i]!));
    }),
  );
}

/** A value that the user gave for a weight. @throws ShapeError */
function toWeight(weight: Tensor, value: ModelInput, place: number): Tensor {
  const { shape, dtype, device } = weight;
  const misfit = (given: string): ShapeError =>
    new ShapeError(
      `setWeights: value ${place} does not fit: it has ${given}, the weight has the shape ${formatShape(shape)}`,
    );
  if (ArrayBuffer.isView(value)) {
    if (value.length !== sizeOf(shape)) throw misfit(`${value.length} elements`);
    return tensor(value, { shape, dtype, device });
  }
  if (value instanceof Tensor) value.check("setWeights");
  const made = value instanceof Tensor ? to(value, device) : tensor(value, { dtype, device });
  if (!sameShape(made.shape, shape)) throw misfit(`the shape ${formatShape(made.shape)}`);
  return made.dtype === dtype ? made : cast(made, dtype);
}

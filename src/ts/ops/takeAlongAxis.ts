import { ShapeError } from "../errors.js";
import type { DType } from "../dtype.js";
import { checkTensor, defineOp, type Op } from "../op.js";
import { formatShape, normalizeAxis, tryBroadcast, type Shape } from "../shape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { expandTo } from "./broadcast.js";
import { toIndices } from "./gather.js";

const takeOp: Op<{ axis: number }> = defineOp({
  name: "takeAlongAxis",
  halves: true,
  infer: ([x, indices]) => [{ shape: indices!.shape, dtype: x!.dtype }],
  encode: ({ axis }) => [axis],
  contiguous: true,
  save: { inputs: [1] },
  backward: ({ grads, inputs, inputShapes, attrs: { axis } }) => [
    scatterOp([inputs[1]!, grads[0]!], { axis, size: inputShapes[0]![axis]! })[0]!,
    null,
  ],
});

const scatterOp: Op<{ axis: number; size: number }> = defineOp({
  name: "scatterAddAlongAxis",
  infer: ([indices, updates], { axis, size }) => [{ shape: indices!.shape.with(axis, size), dtype: updates!.dtype }],
  encode: ({ axis }) => [axis],
  contiguous: true,
  save: { inputs: [0] },
  backward: ({ grads, inputs, attrs: { axis } }) => [null, takeOp([grads[0]!, inputs[0]!], { axis })[0]!],
});

/**
 * Each element of the result is one of `x` at the same place but along `axis`, where its index says (NumPy's
 * `take_along_axis`): what an `argMax` or a sort along the axis refers to. `x` and `indices` broadcast but for that
 * axis; negative indices count from the end. An index outside the axis is an IndexError of the next wait.
 *
 * @throws ShapeError when the other axes do not broadcast or the number of dimensions differs. @throws ArgumentError for
 * an axis that does not exist. @throws DTypeError unless the indices are int32 or uint8.
 */
export function takeAlongAxis<D extends DType, R extends number>(
  x: Tensor<D, R>,
  indices: Tensor,
  axis: number,
): Tensor<D, R> {
  checkTensor("takeAlongAxis", x);
  checkTensor("takeAlongAxis", indices);
  const place = normalizeAxis("takeAlongAxis", axis, x.rank);
  const shape = resultShape(x.shape, indices.shape, place);
  const at = toIndices("takeAlongAxis", indices, x.device);
  const source = expandTo(x, shape.with(place, x.shape[place]!));
  const places = expandTo(at, shape);
  const result = takeOp([source, places], { axis: place })[0]!;
  if (source !== x) source.dispose();
  if (places !== at) places.dispose();
  if (at !== indices) at.dispose();
  return result as unknown as Tensor<D, R>;
}

function resultShape(x: Shape, indices: Shape, axis: number): Shape {
  const others = x.length === indices.length ? tryBroadcast([x.with(axis, 1), indices.with(axis, 1)]) : null;
  if (others !== null) return others.with(axis, indices[axis]!);
  throw new ShapeError(
    `takeAlongAxis: the indices do not fit: the tensor is ${formatShape(x)}, the indices are ${formatShape(indices)}, expected sizes that broadcast beside axis ${axis}`,
  );
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link takeAlongAxis}. */
    takeAlongAxis(indices: Tensor, axis: number): Tensor<D, R>;
  }
}
addMethod("takeAlongAxis", takeAlongAxis);

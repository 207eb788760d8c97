import { ShapeError } from "../errors.js";
import type { DType } from "../dtype.js";
import { checkTensor, defineView } from "../op.js";
import { checkShape, formatShape, sameShape, type RankOf, type Shape } from "../shape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { broadcastStrides } from "./operands.js";
import { sumTo } from "./reduce.js";

const broadcast = defineView<{ shape: Shape }>({
  name: "broadcastTo",
  view: (x, { shape }) => ({ shape, strides: broadcastStrides(x, shape), offset: x.offset }),
  backward: ({ grads, inputShapes }) => [sumTo(grads[0]!, inputShapes[0]!)],
});

/**
 * The tensor repeated to `shape` by NumPy's rules: axes of size 1 grow, new axes come in front. A view: nothing is
 * copied.
 *
 * @throws ShapeError when the tensor's shape does not broadcast to `shape`.
 */
export function broadcastTo<D extends DType, const S extends Shape>(x: Tensor<D>, shape: S): Tensor<D, RankOf<S>> {
  checkTensor("broadcastTo", x);
  const target = checkShape("broadcastTo", shape);
  const own = x.shape;
  const missing = target.length - own.length;
  if (missing < 0 || own.some((size, i) => size !== 1 && size !== target[missing + i])) {
    throw new ShapeError(
      `broadcastTo: the shape does not fit: the tensor is ${formatShape(own)}, ${formatShape(target)} was asked for`,
    );
  }
  return broadcast(x, { shape: target }) as Tensor<D, RankOf<S>>;
}

/** @internal The tensor itself where it has the shape already. */
export function expandTo(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : broadcast(x, { shape });
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link broadcastTo}. */
    broadcastTo<const S extends Shape>(shape: S): Tensor<D, RankOf<S>>;
  }
}
addMethod("broadcastTo", broadcastTo);

import { ShapeError } from "../errors.js";
import { isFloating, type DType, type Promote } from "../dtype.js";
import { tidy } from "../memory.js";
import { checkTensor } from "../op.js";
import { formatShape } from "../shape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { mul } from "./binary.js";
import { einsum } from "./einsum.js";
import { matmul } from "./matmul.js";
import { reshape } from "./reshape.js";

/**
 * NumPy's `dot`: the inner product of two vectors, the product of two matrices, and a vector with any tensor, summed
 * over the last axis of the left and the last but one of the right side. Integers give int32.
 *
 * @throws ShapeError when the inner sizes differ, an operand has no dimension, or one has more than two while the
 * other is no vector.
 */
export function dot<A extends DType, B extends DType>(
  a: Tensor<A>,
  b: Tensor<B>,
): Tensor<Promote<Promote<A, B>, "int32">> {
  checkTensor("dot", a);
  checkTensor("dot", b);
  const shapes = `a is ${formatShape(a.shape)}, b is ${formatShape(b.shape)}`;
  if (a.rank === 0 || b.rank === 0) throw new ShapeError(`dot: an operand has no dimension: ${shapes}, use mul`);
  if (a.rank + b.rank > 4 && a.rank > 1 && b.rank > 1) {
    throw new ShapeError(`dot: too many dimensions: ${shapes}, use matmul for batches of matrices, or einsum`);
  }
  if (a.shape.at(-1) !== b.shape.at(b.rank === 1 ? 0 : -2)) {
    throw new ShapeError(`dot: inner dimensions differ: ${shapes}`);
  }
  const product = isFloating(a.dtype) && isFloating(b.dtype) ? matmul(a, b) : einsum<DType>(equationOf(a, b), a, b);
  return product as Tensor<Promote<Promote<A, B>, "int32">>;
}

function equationOf(a: Tensor, b: Tensor): string {
  if (b.rank === 1) return "...k,k->...";
  return a.rank === 1 ? "k,...kn->...n" : "mk,kn->mn";
}

/**
 * The product of every element of `a` with every element of `b`, [size of a, size of b]; both are flattened first. The
 * dtype is that of {@link mul}.
 */
export function outer<A extends DType, B extends DType>(
  a: Tensor<A>,
  b: Tensor<B>,
): Tensor<Promote<Promote<A, B>, "uint8">, 2> {
  checkTensor("outer", a);
  checkTensor("outer", b);
  return tidy(() => mul(reshape(a, [-1, 1]), reshape(b, [1, -1]))) as unknown as Tensor<
    Promote<Promote<A, B>, "uint8">,
    2
  >;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link dot}. */
    dot<B extends DType>(other: Tensor<B>): Tensor<Promote<Promote<D, B>, "int32">>;
    /** See {@link outer}. */
    outer<B extends DType>(other: Tensor<B>): Tensor<Promote<Promote<D, B>, "uint8">, 2>;
  }
}
addMethod("dot", dot);
addMethod("outer", outer);

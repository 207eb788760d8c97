import { ShapeError } from "../errors.js";
import type { DType } from "../dtype.js";
import { checkTensor, defineOp, type Op } from "../op.js";
import { formatShape } from "../shape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { checkInteger } from "./arguments.js";

function defineTriangle(name: string): Op<{ k: number }> {
  const op: Op<{ k: number }> = defineOp({
    name,
    halves: true,
    infer: ([x]) => {
      if (x!.rank >= 2) return [{ shape: x!.shape, dtype: x!.dtype }];
      throw new ShapeError(
        `${name}: not a matrix: the shape is ${formatShape(x!.shape)}, expected 2 dimensions or more`,
      );
    },
    encode: ({ k }) => [k],
    backward: ({ grads, attrs }) => [op([grads[0]!], attrs)[0]!],
  });
  return op;
}

const trilOp = defineTriangle("tril");
const triuOp = defineTriangle("triu");

/**
 * The lower triangle of each matrix in the last two axes, up to diagonal `k` (0 is the main one, positive ones lie
 * above it); 0 elsewhere. The result is a copy.
 *
 * @throws ShapeError for fewer than two dimensions. @throws ArgumentError when `k` is no integer.
 */
export function tril<D extends DType, R extends number>(x: Tensor<D, R>, k = 0): Tensor<D, R> {
  checkTensor("tril", x);
  return trilOp([x], { k: checkInteger("tril", "k", k) })[0]! as unknown as Tensor<D, R>;
}

/** The upper triangle of each matrix, from diagonal `k` on; otherwise as {@link tril}. */
export function triu<D extends DType, R extends number>(x: Tensor<D, R>, k = 0): Tensor<D, R> {
  checkTensor("triu", x);
  return triuOp([x], { k: checkInteger("triu", "k", k) })[0]! as unknown as Tensor<D, R>;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link tril}. */
    tril(k?: number): Tensor<D, R>;
    /** See {@link triu}. */
    triu(k?: number): Tensor<D, R>;
  }
}
addMethod("tril", tril);
addMethod("triu", triu);

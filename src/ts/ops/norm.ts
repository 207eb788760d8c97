import { checkOptions, wrong } from "../checks.js";
import type { DType, FloatOf } from "../dtype.js";
import { ShapeError } from "../errors.js";
import { checkTensor } from "../op.js";
import { formatShape, normalizeAxes, sizeOf } from "../shape.js";
import type { BackwardContext } from "../tape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { div, mul, pow } from "./binary.js";
import { cast } from "./cast.js";
import { equal } from "./compare.js";
import { sum, type ReducedRank, type ReduceOptions } from "./reduce.js";
import { reshape } from "./reshape.js";
import { defineRowReduction, reduceRows, type RowReduction } from "./rows.js";
import { abs, sign } from "./unary.js";
import { where } from "./where.js";

export interface NormOptions extends ReduceOptions {
  /** p of the p-norm: a positive number or Infinity; 2 by default. */
  ord?: number;
}

interface Attributes {
  readonly ord: number;
}

const nonzero = (x: Tensor): Tensor => where(equal(x, 0), 1, x);

function normGrad({ grads, inputs, outputs, attrs }: BackwardContext<Attributes & RowReduction>): Tensor {
  const { ord, axes, keptShape } = attrs;
  const x = inputs[0]!;
  const g = reshape(grads[0]!, keptShape);
  if (ord === 1) return mul(sign(x), g);
  const y = reshape(outputs[0]!, keptShape);
  if (ord === Infinity) {
    const isGreatest = cast(equal(abs(x), y), x.dtype);
    const ties = sum(isGreatest, { axis: axes, keepDims: true });
    return mul(mul(sign(x), isGreatest), div(g, ties));
  }
  // g sign(x) (|x| / y)^(p-1), where 0 / 0 counts as 0.
  const scale = where(equal(y, 0), 0, div(g, pow(nonzero(y), ord - 1)));
  return mul(ord === 2 ? x : mul(sign(x), pow(nonzero(abs(x)), ord - 1)), scale);
}

const op = defineRowReduction<Attributes>("norm", {
  encode: ({ ord }) => [ord],
  save: ({ ord }) => ({ inputs: [0], outputs: ord === 1 ? [] : [0] }),
  backward: (context) => [normGrad(context)],
});

/**
 * The p-norm of the elements along `axis`, (sum |x|^p)^(1/p): for `ord` 2, the default, the Euclidean norm, and the
 * Frobenius norm over two axes; for 1 the sum and for Infinity the greatest of the magnitudes. NaN gives NaN; 0 for no
 * elements. Its gradient is 0 at 0; equal magnitudes share that of Infinity. Integers and bools give float32.
 *
 * @throws ArgumentError for an axis that does not exist or is named twice, or an `ord` that is not positive.
 * @throws ShapeError when `ord` is Infinity and there is no element.
 */
export function norm<D extends DType, R extends number, const O extends NormOptions = object>(
  x: Tensor<D, R>,
  options: O & NormOptions = {} as O,
): Tensor<FloatOf<D>, ReducedRank<R, O>> {
  checkTensor("norm", x);
  checkOptions("norm", options, ["axis", "keepDims", "ord"]);
  const { ord = 2, axis } = options;
  if (typeof ord !== "number" || !(ord > 0)) throw wrong("norm", "ord", ord, "a positive number or Infinity");
  const reduced = normalizeAxes("norm", axis, x.rank);
  if (ord === Infinity && x.size === 0 && sizeOf(x.shape.filter((_, i) => !reduced.includes(i))) > 0) {
    throw new ShapeError(`norm: there is no element to choose: the shape is ${formatShape(x.shape)}`);
  }
  return reduceRows("norm", op, x, options, { ord }) as Tensor<FloatOf<D>, ReducedRank<R, O>>;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link norm}. */
    norm<const O extends NormOptions = object>(options?: O & NormOptions): Tensor<FloatOf<D>, ReducedRank<R, O>>;
  }
}
addMethod("norm", norm);

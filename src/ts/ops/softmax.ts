import { isFloating, type DType, type FloatOf } from "../dtype.js";
import { checkTensor, defineOp, type Op } from "../op.js";
import { normalizeAxis } from "../shape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { mul, sub } from "./binary.js";
import { cast } from "./cast.js";
import { sum } from "./reduce.js";
import { swapAxes } from "./transpose.js";
import { exp } from "./unary.js";

const sumLast = (x: Tensor): Tensor => sum(x, { axis: -1, keepDims: true });

function defineLastAxis(name: string, gradient: (y: Tensor, dy: Tensor) => Tensor): Op<undefined> {
  return defineOp<undefined>({
    name,
    infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
    contiguous: true,
    save: { outputs: [0] },
    backward: ({ grads, outputs }) => [gradient(outputs[0]!, grads[0]!)],
  });
}

const softmaxOp = defineLastAxis("softmax", (y, dy) => softmaxGrad(y, dy));
const logSoftmaxOp = defineLastAxis("logSoftmax", (y, dy) => logSoftmaxGradOp([y, dy], undefined)[0]!);

// y, dy -> dx = y (dy - sum(y dy)), along the last axis.
const softmaxGradOp: Op<undefined> = defineOp({
  name: "softmaxGrad",
  infer: ([y]) => [{ shape: y!.shape, dtype: y!.dtype }],
  contiguous: true,
  save: { inputs: [0, 1] },
  backward: ({ grads, inputs, needs }) => {
    const g = grads[0]!;
    const [y, dy] = inputs as [Tensor, Tensor];
    const byResult = (): Tensor => sub(mul(g, sub(dy, sumLast(mul(y, dy)))), mul(dy, sumLast(mul(g, y))));
    return [needs[0] ? byResult() : null, needs[1] ? softmaxGrad(y, g) : null];
  },
});

// y, dy -> dx = dy - exp(y) sum(dy), along the last axis.
const logSoftmaxGradOp: Op<undefined> = defineOp({
  name: "logSoftmaxGrad",
  infer: ([y]) => [{ shape: y!.shape, dtype: y!.dtype }],
  contiguous: true,
  save: { inputs: [0, 1] },
  backward: ({ grads, inputs, needs }) => {
    const g = grads[0]!;
    const [y, dy] = inputs as [Tensor, Tensor];
    const weighted = mul(g, exp(y));
    return [needs[0] ? mul(mul(weighted, -1), sumLast(dy)) : null, needs[1] ? sub(g, sumLast(weighted)) : null];
  },
});

/** @internal The gradient before a softmax along the last axis, from its result `y` and the gradient after it. */
export function softmaxGrad(y: Tensor, dy: Tensor): Tensor {
  return softmaxGradOp([y, dy], undefined)[0]!;
}

/**
 * exp(x) / sum(exp(x)) along an axis, the last by default; safe for large x. Integers give float32.
 *
 * @throws ArgumentError for an axis that does not exist.
 */
export function softmax<D extends DType, R extends number>(x: Tensor<D, R>, axis = -1): Tensor<FloatOf<D>, R> {
  return alongAxis("softmax", softmaxOp, x, axis) as Tensor<FloatOf<D>, R>;
}

/** The logarithm of {@link softmax}, without its loss of digits. */
export function logSoftmax<D extends DType, R extends number>(x: Tensor<D, R>, axis = -1): Tensor<FloatOf<D>, R> {
  return alongAxis("logSoftmax", logSoftmaxOp, x, axis) as Tensor<FloatOf<D>, R>;
}

function alongAxis(name: string, op: Op<undefined>, given: Tensor, axis: number): Tensor {
  checkTensor(name, given);
  const place = normalizeAxis(name, axis, given.rank);
  const x = isFloating(given.dtype) ? given : cast(given, "float32");
  if (place === x.rank - 1) {
    const result = op([x], undefined)[0]!;
    if (x !== given) x.dispose();
    return result;
  }
  const moved = swapAxes(x, place, -1);
  if (x !== given) x.dispose();
  const computed = op([moved], undefined)[0]!;
  moved.dispose();
  const result = swapAxes(computed, place, -1);
  computed.dispose();
  return result;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link softmax}. */
    softmax(axis?: number): Tensor<FloatOf<D>, R>;
    /** See {@link logSoftmax}. */
    logSoftmax(axis?: number): Tensor<FloatOf<D>, R>;
  }
}
addMethod("softmax", softmax);
addMethod("logSoftmax", logSoftmax);

import { checkOptions } from "../checks.js";
import type { DType } from "../dtype.js";
import { ShapeError } from "../errors.js";
import { checkTensor, defineOp, type Op } from "../op.js";
import { formatShape } from "../shape.js";
import { withRecording } from "../tape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { checkFloating } from "./arguments.js";
import { add, mul, sub } from "./binary.js";
import { expandTo } from "./broadcast.js";
import { normalizeGroups } from "./groupNorm.js";
import { checkCoefficient, checkEpsilon, type Optional } from "./normalization.js";
import { sumTo } from "./reduce.js";
import { reshape } from "./reshape.js";
import { neg, rsqrt } from "./unary.js";

export interface BatchNormOptions {
  /** Added to the variance; 0.001 by default. */
  epsilon?: number;
}

// x [..., C], mean [C], scale [C], beta [C]? -> (x - mean) * scale + beta
const batchNormOp: Op<undefined> = defineOp({
  name: "batchNorm",
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  contiguous: true,
  save: { inputs: [0, 1, 2] },
  backward: ({ grads, inputs, needs }) => {
    const [x, mean, scale] = inputs as [Tensor, Tensor, Tensor];
    const dy = grads[0]!;
    if (!needs.includes(true, 1)) return [mul(dy, scale)];
    const [dx, sum, product] = batchNormGradOp([x, dy, mean, scale], undefined) as [Tensor, Tensor, Tensor];
    const gradients = [dx, needs[1] ? neg(mul(sum, scale)) : null, product];
    return needs.length > 3 ? [...gradients, sum] : gradients;
  },
});

// x, dy, mean, scale -> dy * scale; sum of dy, sum of dy * (x - mean) for each channel
const batchNormGradOp: Op<undefined> = defineOp({
  name: "batchNormGrad",
  infer: ([x, , mean]) => {
    const sum = { shape: mean!.shape, dtype: x!.dtype };
    return [{ shape: x!.shape, dtype: x!.dtype }, sum, sum];
  },
  contiguous: true,
  save: { inputs: [0, 1, 2, 3] },
  backward: ({ grads, inputs }) => {
    const [x, dy, mean, scale] = inputs as [Tensor, Tensor, Tensor, Tensor];
    const [direct, forSum, forProduct] = grads;
    const byDy: Tensor[] = [];
    if (direct) byDy.push(mul(direct, scale));
    if (forSum) byDy.push(expandTo(forSum, dy.shape));
    if (forProduct) byDy.push(mul(sub(x, mean), forProduct));
    return [
      forProduct ? mul(dy, forProduct) : null,
      byDy.reduce((a, b) => add(a, b)),
      forProduct ? neg(mul(sumTo(dy, mean.shape), forProduct)) : null,
      direct ? sumTo(mul(direct, dy), scale.shape) : null,
    ];
  },
});

/**
 * Batch normalization (Ioffe and Szegedy, 2015) with given statistics:
 * (x - mean) / sqrt(variance + epsilon) * gamma + beta for each channel, the last axis of x. float32 or float64.
 *
 * `mean`, `variance`, `gamma` and `beta` have an element for each channel; gamma and beta may be left out (null). All of
 * them get gradients. {@link batchNormTraining} takes the statistics of x itself.
 *
 * @throws ShapeError when x has no axis or one of the others has another shape than [channels]. @throws DTypeError for
 * integers, or when the dtypes differ. @throws ArgumentError for an epsilon below 0.
 */
export function batchNorm<D extends DType, R extends number>(
  x: Tensor<D, R>,
  mean: Tensor,
  variance: Tensor,
  gamma?: Optional,
  beta?: Optional,
  options: BatchNormOptions = {},
): Tensor<D, R> {
  checkTensor("batchNorm", x);
  checkTensor("batchNorm", mean);
  checkTensor("batchNorm", variance);
  const input: Tensor = x;
  checkOptions("batchNorm", options, ["epsilon"]);
  checkFloating("batchNorm", "x", input);
  const epsilon = checkEpsilon("batchNorm", options.epsilon ?? 1e-3);
  if (input.rank === 0) throw new ShapeError("batchNorm: x has no channels: it is [], expected [..., channels]");
  const channels = input.shape.slice(-1);
  checkCoefficient("batchNorm", "mean", mean, channels, input);
  checkCoefficient("batchNorm", "variance", variance, channels, input);
  const factor = checkCoefficient("batchNorm", "gamma", gamma, channels, input);
  const shift = checkCoefficient("batchNorm", "beta", beta, channels, input);
  const shifted = add(variance, epsilon);
  const reciprocal = rsqrt(shifted);
  const scale = factor ? mul(reciprocal, factor) : reciprocal;
  const y = batchNormOp(shift ? [input, mean, scale, shift] : [input, mean, scale], undefined)[0]!;
  for (const made of new Set<Tensor>([shifted, reciprocal, scale])) made.dispose();
  return y as unknown as Tensor<D, R>;
}

/** What {@link batchNormTraining} gives. */
export interface BatchNormTraining<D extends DType = DType, R extends number = number> {
  /** The normalized values, of x's shape. */
  readonly y: Tensor<D, R>;
  /** The mean of each channel, [channels], without gradient. */
  readonly mean: Tensor<D, 1>;
  /** The variance of each channel (the mean of squared distances from the mean), [channels], without gradient. */
  readonly variance: Tensor<D, 1>;
}

/**
 * Batch normalization (Ioffe and Szegedy, 2015) as training does it: {@link batchNorm} with the mean and variance of x
 * itself over all axes but the last, through which gradients flow. x is read once for the statistics and once for the
 * result. float32 or float64. `gamma` and `beta` have an element for each channel; either may be left out (null).
 *
 * The statistics come back too, for the running averages that normalize when training is over. A channel that holds NaN
 * or an infinity gives NaN throughout.
 *
 * @throws ShapeError when x has no axis or no element to take statistics of, or gamma or beta has another shape than
 * [channels]. @throws DTypeError for integers, or when the dtypes differ. @throws ArgumentError for an epsilon below 0.
 */
export function batchNormTraining<D extends DType, R extends number>(
  x: Tensor<D, R>,
  gamma?: Optional,
  beta?: Optional,
  options: BatchNormOptions = {},
): BatchNormTraining<D, R> {
  const op = "batchNormTraining";
  checkTensor(op, x);
  const input: Tensor = x;
  checkOptions(op, options, ["epsilon"]);
  checkFloating(op, "x", input);
  const epsilon = checkEpsilon(op, options.epsilon ?? 1e-3);
  if (input.rank === 0) throw new ShapeError(`${op}: x has no channels: it is [], expected [..., channels]`);
  const channels = input.shape.at(-1)!;
  if (input.size === 0) {
    throw new ShapeError(`${op}: x has no elements to take statistics of: it is ${formatShape(input.shape)}`);
  }
  const factor = checkCoefficient(op, "gamma", gamma, [channels], input);
  const shift = checkCoefficient(op, "beta", beta, [channels], input);
  // One sample in which every channel is a group of its own.
  const rows = reshape(input, [1, input.size / channels, channels]);
  const made = normalizeGroups([rows, factor, shift], { epsilon, groups: channels, variance: true });
  const [normalized, mean, , variance] = made;
  const y = reshape(normalized, input.shape);
  const statistics = withRecording(false, () => [mean, variance!].map((tensor) => reshape(tensor, [channels])));
  for (const tensor of [rows, ...made]) tensor!.dispose();
  return { y, mean: statistics[0], variance: statistics[1] } as unknown as BatchNormTraining<D, R>;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link batchNorm}. */
    batchNorm(
      mean: Tensor,
      variance: Tensor,
      gamma?: Optional,
      beta?: Optional,
      options?: BatchNormOptions,
    ): Tensor<D, R>;
  }
}
addMethod("batchNorm", batchNorm);

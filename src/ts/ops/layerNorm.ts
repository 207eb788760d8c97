import { checkOptions } from "../checks.js";
import type { DType } from "../dtype.js";
import { checkTensor, defineOp, type Op } from "../op.js";
import { normalizeAxes } from "../shape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { checkFloating } from "./arguments.js";
import {
  checkCoefficient,
  checkEpsilon,
  normGradBackward,
  trailingShape,
  type Optional,
  encodeRows,
  rowsOf,
  trailing,
  type RowAttributes,
} from "./normalization.js";

export interface LayerNormOptions {
  /** Added to the variance; 0.001 by default. */
  epsilon?: number;
  /** The last axis (the default) or several that are the last ones; gamma and beta have their shape. */
  axis?: number | readonly number[];
}

interface GradAttributes extends RowAttributes {
  /** Whether the gradients of gamma and beta are wanted too. */
  readonly sums: boolean;
}

// x, gamma?, beta? -> y, mean [rows], 1 / deviation [rows]
const layerNormOp: Op<RowAttributes> = defineOp({
  name: "layerNorm",
  infer: ([x], attrs) => {
    const { shape, dtype } = x!;
    const statistics = { shape: [rowsOf(x!, attrs)], dtype };
    return [{ shape, dtype }, statistics, statistics];
  },
  encode: encodeRows,
  contiguous: true,
  save: ({ gamma }) => ({ inputs: gamma ? [0, 1] : [0], outputs: [1, 2] }),
  backward: ({ grads, inputs, outputs, needs, attrs }) => {
    const [x, gamma] = inputs as [Tensor, Tensor];
    // The gradient op's own gradient takes them for functions of x.
    const statistics = [outputs[1]!.detach(), outputs[2]!.detach()];
    const sums = needs.includes(true, 1);
    const given = [x, grads[0]!, ...statistics, ...(attrs.gamma ? [gamma] : [])];
    const [dx, dgamma, dbeta] = layerNormGradOp(given, { ...attrs, sums });
    return attrs.gamma ? [dx!, dgamma ?? null, dbeta ?? null] : [dx!, dbeta ?? null];
  },
});

// x, dy, mean, 1 / deviation, gamma? -> dx [, dgamma, dbeta]
const layerNormGradOp: Op<GradAttributes> = defineOp<GradAttributes>({
  name: "layerNormGrad",
  infer: ([x], attrs) => {
    const { shape, dtype } = x!;
    const sum = { shape: trailing(x!, attrs), dtype };
    return attrs.sums ? [{ shape, dtype }, sum, sum] : [{ shape, dtype }];
  },
  encode: encodeRows,
  contiguous: true,
  save: ({ gamma }) => ({ inputs: gamma ? [0, 1, 4] : [0, 1] }),
  backward: ({ grads, inputs, attrs }) => {
    const [x, dy, , , gamma = null] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor?];
    const axes = Array.from({ length: attrs.axes }, (_, i) => x.rank - 1 - i);
    const [dx, ddy, dgamma] = normGradBackward({
      x,
      dy,
      gamma,
      grads,
      axes,
      centered: true,
      epsilon: attrs.epsilon,
    });
    return [dx, ddy, null, null, dgamma];
  },
});

/**
 * Layer normalization (Ba, Kiros and Hinton, 2016): (x - mean) / sqrt(variance + epsilon) * gamma + beta, where mean and
 * variance are taken over the last axis, or over several trailing axes (option `axis`). float32 or float64.
 *
 * `gamma` and `beta` have the shape of these axes; either may be left out (null). A row that holds NaN or an infinity
 * gives NaN throughout.
 *
 * @throws DTypeError for integers, or when gamma or beta is of another dtype. @throws ShapeError when gamma or beta has
 * another shape. @throws ArgumentError for axes that are not the last ones or an epsilon below 0.
 */
export function layerNorm<D extends DType, R extends number>(
  x: Tensor<D, R>,
  gamma?: Optional,
  beta?: Optional,
  options: LayerNormOptions = {},
): Tensor<D, R> {
  checkTensor("layerNorm", x);
  const input: Tensor = x;
  checkOptions("layerNorm", options, ["epsilon", "axis"]);
  checkFloating("layerNorm", "x", input);
  const epsilon = checkEpsilon("layerNorm", options.epsilon ?? 1e-3);
  const axes = normalizeAxes("layerNorm", options.axis ?? -1, input.rank);
  const shape = trailingShape("layerNorm", axes, input.shape);
  const scale = checkCoefficient("layerNorm", "gamma", gamma, shape, input);
  const shift = checkCoefficient("layerNorm", "beta", beta, shape, input);
  const inputs = [input, scale, shift].filter((tensor) => tensor !== null);
  const attrs = { epsilon, axes: axes.length, gamma: scale !== null };
  const [y, mean, reciprocal] = layerNormOp(inputs, attrs) as [Tensor, Tensor, Tensor];
  mean.dispose();
  reciprocal.dispose();
  return y as unknown as Tensor<D, R>;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link layerNorm}. */
    layerNorm(gamma?: Optional, beta?: Optional, options?: LayerNormOptions): Tensor<D, R>;
  }
}
addMethod("layerNorm", layerNorm);

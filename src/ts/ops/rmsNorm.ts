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

export interface RmsNormOptions {
  /** Added to the mean square; 0.000001 by default. */
  epsilon?: number;
  /** The last axis (the default) or several that are the last ones; gamma has their shape. */
  axis?: number | readonly number[];
}

interface GradAttributes extends RowAttributes {
  /** Whether the gradient of gamma is wanted too. */
  readonly sums: boolean;
}

// x, gamma? -> y, 1 / root mean square [rows]
const rmsNormOp: Op<RowAttributes> = defineOp({
  name: "rmsNorm",
  infer: ([x], attrs) => {
    const { shape, dtype } = x!;
    const rows = rowsOf(x!, attrs);
    return [
      { shape, dtype },
      { shape: [rows], dtype },
    ];
  },
  encode: encodeRows,
  contiguous: true,
  save: ({ gamma }) => ({ inputs: gamma ? [0, 1] : [0], outputs: [1] }),
  backward: ({ grads, inputs, outputs, needs, attrs }) => {
    const [x, gamma] = inputs as [Tensor, Tensor];
    // The gradient op's own gradient takes it for a function of x.
    const reciprocal = outputs[1]!.detach();
    const given = [x, grads[0]!, reciprocal, ...(attrs.gamma ? [gamma] : [])];
    return rmsNormGradOp(given, { ...attrs, sums: needs[1] ?? false });
  },
});

// x, dy, 1 / root mean square, gamma? -> dx [, dgamma]
const rmsNormGradOp: Op<GradAttributes> = defineOp<GradAttributes>({
  name: "rmsNormGrad",
  infer: ([x], attrs) => {
    const { shape, dtype } = x!;
    return attrs.sums
      ? [
          { shape, dtype },
          { shape: trailing(x!, attrs), dtype },
        ]
      : [{ shape, dtype }];
  },
  encode: encodeRows,
  contiguous: true,
  save: ({ gamma }) => ({ inputs: gamma ? [0, 1, 3] : [0, 1] }),
  backward: ({ grads, inputs, attrs }) => {
    const [x, dy, , gamma = null] = inputs as [Tensor, Tensor, Tensor, Tensor?];
    const axes = Array.from({ length: attrs.axes }, (_, i) => x.rank - 1 - i);
    const [dx, ddy, dgamma] = normGradBackward({
      x,
      dy,
      gamma,
      grads,
      axes,
      centered: false,
      epsilon: attrs.epsilon,
    });
    return [dx, ddy, null, dgamma];
  },
});

/**
 * Root mean square normalization (Zhang and Sennrich, 2019): x / sqrt(mean(x^2) + epsilon) * gamma, where the mean is
 * taken over the last axis, or over several trailing axes (option `axis`). float32 or float64.
 *
 * `gamma` has the shape of these axes and may be left out (null). A row that holds NaN or an infinity times 0 gives NaN.
 *
 * @throws DTypeError for integers, or when gamma is of another dtype. @throws ShapeError when gamma has another shape.
 * @throws ArgumentError for axes that are not the last ones or an epsilon below 0.
 */
export function rmsNorm<D extends DType, R extends number>(
  x: Tensor<D, R>,
  gamma?: Optional,
  options: RmsNormOptions = {},
): Tensor<D, R> {
  checkTensor("rmsNorm", x);
  const input: Tensor = x;
  checkOptions("rmsNorm", options, ["epsilon", "axis"]);
  checkFloating("rmsNorm", "x", input);
  const epsilon = checkEpsilon("rmsNorm", options.epsilon ?? 1e-6);
  const axes = normalizeAxes("rmsNorm", options.axis ?? -1, input.rank);
  const shape = trailingShape("rmsNorm", axes, input.shape);
  const scale = checkCoefficient("rmsNorm", "gamma", gamma, shape, input);
  const attrs = { epsilon, axes: axes.length, gamma: scale !== null };
  const [y, reciprocal] = rmsNormOp(scale ? [input, scale] : [input], attrs) as [Tensor, Tensor];
  reciprocal.dispose();
  return y as unknown as Tensor<D, R>;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link rmsNorm}. */
    rmsNorm(gamma?: Optional, options?: RmsNormOptions): Tensor<D, R>;
  }
}
addMethod("rmsNorm", rmsNorm);

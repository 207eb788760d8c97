import { checkOptions, checkPositive } from "../checks.js";
import type { DType } from "../dtype.js";
import { ArgumentError, ShapeError } from "../errors.js";
import { checkTensor, defineOp, type Op } from "../op.js";
import { formatShape, sizeOf, type Shape } from "../shape.js";
import { addMethod, type Tensor } from "../tensor.js";
import { checkFloating } from "./arguments.js";
import { checkCoefficient, checkEpsilon, normGradBackward, type Optional } from "./normalization.js";
import { reshape } from "./reshape.js";

export interface GroupNormOptions {
  /** Added to the variance; 0.001 by default. */
  epsilon?: number;
}

interface Attributes {
  readonly epsilon: number;
  readonly groups: number;
  readonly gamma: boolean;
}

interface ForwardAttributes extends Attributes {
  /** Whether the variances are wanted too. */
  readonly variance: boolean;
}

interface GradAttributes extends Attributes {
  /** Whether the gradients of gamma and beta are wanted too. */
  readonly sums: boolean;
}

const encode = ({ epsilon, groups, gamma }: Attributes): readonly number[] => [epsilon, groups, Number(gamma)];

// x [N, ..., C], gamma?, beta? -> y, mean [N, groups], 1 / deviation [N, groups] [, variance [N, groups]]
const groupNormOp: Op<ForwardAttributes> = defineOp<ForwardAttributes>({
  name: "groupNorm",
  infer: ([x], { groups, variance }) => {
    const { shape, dtype } = x!;
    const statistics = { shape: [shape[0]!, groups], dtype };
    return [{ shape, dtype }, statistics, statistics, ...(variance ? [statistics] : [])];
  },
  encode,
  contiguous: true,
  save: ({ gamma }) => ({ inputs: gamma ? [0, 1] : [0], outputs: [1, 2] }),
  backward: ({ grads, inputs, outputs, needs, attrs }) => {
    const [x, gamma] = inputs as [Tensor, Tensor];
    // The gradient op's own gradient takes them for functions of x.
    const statistics = [outputs[1]!.detach(), outputs[2]!.detach()];
    const sums = needs.includes(true, 1);
    const given = [x, grads[0]!, ...statistics, ...(attrs.gamma ? [gamma] : [])];
    const [dx, dgamma, dbeta] = groupNormGradOp(given, { ...attrs, sums });
    return attrs.gamma ? [dx!, dgamma ?? null, dbeta ?? null] : [dx!, dbeta ?? null];
  },
});

// x, dy, mean, 1 / deviation, gamma? -> dx [, dgamma [C], dbeta [C]]
const groupNormGradOp: Op<GradAttributes> = defineOp<GradAttributes>({
  name: "groupNormGrad",
  infer: ([x], { sums }) => {
    const { shape, dtype } = x!;
    const sum = { shape: shape.slice(-1), dtype };
    return sums ? [{ shape, dtype }, sum, sum] : [{ shape, dtype }];
  },
  encode,
  contiguous: true,
  save: ({ gamma }) => ({ inputs: gamma ? [0, 1, 4] : [0, 1] }),
  backward: ({ grads, inputs, attrs }) => {
    const [x, dy, , , gamma] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor?];
    const { groups, epsilon } = attrs;
    const { shape } = x;
    const vector: Shape = [groups, shape.at(-1)! / groups];
    const grouped: Shape = [shape[0]!, sizeOf(shape.slice(1, -1)), ...vector];
    const [direct, forGamma, forBeta] = grads;
    const [dx, ddy, dgamma] = normGradBackward({
      x: reshape(x, grouped),
      dy: reshape(dy, grouped),
      gamma: gamma ? reshape(gamma, vector) : null,
      grads: [
        direct && reshape(direct, grouped),
        forGamma && reshape(forGamma, vector),
        forBeta && reshape(forBeta, vector),
      ],
      axes: [1, 3],
      centered: true,
      epsilon,
    });
    return [reshape(dx, shape), reshape(ddy, shape), null, null, dgamma && reshape(dgamma, shape.slice(-1))];
  },
});

/** @internal x [N, ..., C], gamma, beta -> y, and for each sample and group: mean, 1 / deviation, variance if wanted. */
export function normalizeGroups(
  [x, gamma, beta]: readonly [Tensor, Tensor | null, Tensor | null],
  attrs: Omit<ForwardAttributes, "gamma">,
): [Tensor, Tensor, Tensor, Tensor?] {
  const inputs = [x, gamma, beta].filter((tensor) => tensor !== null);
  return groupNormOp(inputs, { ...attrs, gamma: gamma !== null }) as [Tensor, Tensor, Tensor, Tensor?];
}

/**
 * Group normalization (Wu and He, 2018), channels last: the channels (the last axis) are cut into `groups` of
 * neighbours, and (x - mean) / sqrt(variance + epsilon) * gamma + beta is taken with mean and variance over all elements
 * of a sample (the first axis) in one group. As many groups as channels: instance normalization. float32 or float64.
 *
 * `gamma` and `beta` have an element for each channel; either may be left out (null). A group that holds NaN or an
 * infinity gives NaN throughout.
 *
 * @throws ArgumentError when `groups` is no positive integer that divides the channels, or for an epsilon below 0.
 * @throws ShapeError for x of fewer than 2 dimensions, or when gamma or beta has another shape. @throws DTypeError for
 * integers, or when gamma or beta is of another dtype.
 */
export function groupNorm<D extends DType, R extends number>(
  x: Tensor<D, R>,
  groups: number,
  gamma?: Optional,
  beta?: Optional,
  options: GroupNormOptions = {},
): Tensor<D, R> {
  checkTensor("groupNorm", x);
  const input: Tensor = x;
  checkPositive("groupNorm", "groups", groups);
  checkOptions("groupNorm", options, ["epsilon"]);
  checkFloating("groupNorm", "x", input);
  const epsilon = checkEpsilon("groupNorm", options.epsilon ?? 1e-3);
  if (input.rank < 2) {
    throw new ShapeError(
      `groupNorm: x has no samples or channels: it is ${formatShape(input.shape)}, expected [samples, ..., channels]`,
    );
  }
  const channels = input.shape.at(-1)!;
  if (channels % groups !== 0) {
    throw new ArgumentError(
      `groupNorm: the groups do not divide the channels: there are ${groups} groups and ${channels} channels`,
    );
  }
  const scale = checkCoefficient("groupNorm", "gamma", gamma, [channels], input);
  const shift = checkCoefficient("groupNorm", "beta", beta, [channels], input);
  const [y, mean, reciprocal] = normalizeGroups([input, scale, shift], { epsilon, groups, variance: false });
  mean.dispose();
  reciprocal.dispose();
  return y as unknown as Tensor<D, R>;
}

declare module "../tensor.js" {
  interface Tensor<D extends DType = DType, R extends number = number> {
    /** See {@link groupNorm}. */
    groupNorm(groups: number, gamma?: Optional, beta?: Optional, options?: GroupNormOptions): Tensor<D, R>;
  }
}
addMethod("groupNorm", groupNorm);

import { defineOp } from "../op.js";
import type { Tensor } from "../tensor.js";
import { add, mul, sub } from "./binary.js";
import { broadcastTo } from "./broadcast.js";
import { sum } from "./reduce.js";

/** The activations that matmul and conv2d apply to their result; a name's place is its number in commands. */
export const ACTIVATIONS = ["none", "relu", "sigmoid", "tanh"] as const;

/** An activation whose derivative is a function of its result. */
export type ActivationName = (typeof ACTIVATIONS)[number];

interface ActivationGradAttributes {
  readonly activation: ActivationName;
  /** Whether the sum over all axes but the last is wanted too: the gradient of a bias. */
  readonly bias: boolean;
}

const op = defineOp<ActivationGradAttributes>({
  name: "activationGrad",
  infer: ([dy], { bias }) => {
    const { shape, dtype } = dy!;
    return bias
      ? [
          { shape, dtype },
          { shape: shape.slice(-1), dtype },
        ]
      : [{ shape, dtype }];
  },
  encode: ({ activation }) => [ACTIVATIONS.indexOf(activation)],
  contiguous: true,
  save: { inputs: [0, 1] },
  backward: ({ grads, inputs, needs, attrs }) => {
    const [dy, y] = inputs as [Tensor, Tensor];
    const [direct, summed] = grads as [Tensor | null, Tensor | null | undefined];
    const spread = summed ? broadcastTo(summed, dy.shape) : null;
    const g = direct && spread ? add(direct, spread) : (direct ?? spread)!;
    return [
      needs[0] ? activationGrad(g, y, attrs.activation) : null,
      needs[1] ? slopeOfSlope(mul(g, dy), y, attrs.activation) : null,
    ];
  },
});

/** `g` times the derivative, by y, of the activation's slope as a function of its result y. */
function slopeOfSlope(g: Tensor, y: Tensor, activation: ActivationName): Tensor | null {
  if (activation === "sigmoid") return mul(g, sub(1, mul(y, 2))); // slope y (1 - y)
  if (activation === "tanh") return mul(g, mul(y, -2)); // slope 1 - y^2
  return null;
}

/** @internal The gradient before an activation, from the gradient after it and its result `y`: dy, y -> dz. */
export function activationGrad(dy: Tensor, y: Tensor, activation: ActivationName): Tensor {
  return activation === "none" ? dy : op([dy, y], { activation, bias: false })[0]!;
}

/**
 * @internal The same, with the gradient of the bias that was added before the activation (its length is the last
 * axis): dy, y -> dz, dbias. Without an activation, `y` is not read.
 */
export function activationBiasGrad(
  dy: Tensor,
  y: Tensor | undefined,
  activation: ActivationName,
): readonly [dz: Tensor, dbias: Tensor] {
  if (activation === "none") return [dy, sum(dy, { axis: Array.from({ length: dy.rank - 1 }, (_, i) => i) })];
  return op([dy, y!], { activation, bias: true }) as [Tensor, Tensor];
}

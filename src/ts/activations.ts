import { wrong } from "./checks.js";
import { checkTensor } from "./op.js";
import type { ActivationName as FusedActivation } from "./ops/activation-grad.js";
import type { MatmulActivationName } from "./ops/matmul.js";
import { elu, gelu, leakyRelu, selu, silu, softplus } from "./ops/activation.js";
import { logSoftmax, softmax } from "./ops/softmax.js";
import { exp, relu, sigmoid, tanh } from "./ops/unary.js";
import { unknownName } from "./suggest.js";
import type { Tensor } from "./tensor.js";

export type ActivationFunction = (x: Tensor) => Tensor;

const byName = {
  linear: (x: Tensor) => x,
  relu,
  sigmoid: (x: Tensor) => rememberLogits(sigmoid(x), "sigmoid", x),
  softmax: (x: Tensor) => rememberLogits(softmax(x), "softmax", x),
  tanh,
  exponential: exp,
  logSoftmax: (x: Tensor) => logSoftmax(x),
  leakyRelu: (x: Tensor) => leakyRelu(x),
  elu: (x: Tensor) => elu(x),
  selu,
  silu,
  gelu: (x: Tensor) => gelu(x),
  softplus,
} satisfies Record<string, ActivationFunction>;

export type ActivationName = keyof typeof byName;

/** What layers take for an activation: a name, or a function of a tensor that keeps its shape. */
export type ActivationLike = ActivationName | ActivationFunction;

/** An activation as a layer uses it: `finish(op(x, { activation: fused }))`, or `apply(x)` alone. */
export interface Activation<F extends MatmulActivationName = FusedActivation> {
  readonly name: string;
  /** What a kernel computes along with its result. Sigmoid is not among them: a loss may need what comes before it. */
  readonly fused: F;
  /** The rest of the activation, on the kernel's result. */
  readonly finish: ActivationFunction;
  /** Whether nothing is left for `finish`. */
  readonly isFused: boolean;
  readonly apply: ActivationFunction;
}

const FUSED: readonly MatmulActivationName[] = ["none", "relu", "tanh"] satisfies FusedActivation[];
/** @internal What matmul computes along with its result. */
export const FUSED_BY_MATMUL = ["none", "relu", "tanh", "gelu"] as const satisfies readonly MatmulActivationName[];

/**
 * @internal `fused` lists what the layer's kernel computes; by default what all compute.
 * @throws ArgumentError for what is neither a function nor the name of one.
 */
export function resolveActivation<F extends MatmulActivationName = FusedActivation>(
  op: string,
  activation: ActivationLike = "linear",
  fused: readonly F[] = FUSED as readonly F[],
): Activation<F> {
  const none = "none" as F;
  if (typeof activation === "function") {
    const apply = (x: Tensor): Tensor => {
      const y: unknown = activation(x);
      checkTensor(op, y);
      return y;
    };
    return { name: activation.name || "function", fused: none, finish: apply, isFused: false, apply };
  }
  if (typeof activation !== "string") throw wrong(op, "activation", activation, "a name or a function");
  if (!Object.hasOwn(byName, activation)) throw unknownName(op, "activation", activation, Object.keys(byName));
  const apply: ActivationFunction = byName[activation];
  if (!fused.includes(activation as F)) {
    return { name: activation, fused: none, finish: apply, isFused: apply === byName.linear, apply };
  }
  return { name: activation, fused: activation as F, finish: byName.linear, isFused: true, apply };
}

type WithLogits = "softmax" | "sigmoid";

/** The activation is null for logits, which no activation has been applied to. */
const logits = new WeakMap<Tensor, { activation: WithLogits | null; x: Tensor }>();

/** The tensors that `logits` leads to: not to be disposed of while it does. */
const remembered = new WeakSet<Tensor>();

function rememberLogits(y: Tensor, activation: WithLogits, x: Tensor): Tensor {
  logits.set(y, { activation, x });
  remembered.add(x);
  return y;
}

/** @internal Whether an activation's result leads back to this tensor. */
export function isLogits(x: Tensor): boolean {
  return remembered.has(x);
}

/** @internal Says of a model's result that it is logits: losses, which expect probabilities unless told otherwise, then take it so. */
export function markLogits(y: Tensor): Tensor {
  logits.set(y, { activation: null, x: y });
  return y;
}

/**
 * @internal What `y` was before the activation that made it: cross-entropies are computed from that, as Keras does,
 * because it loses nothing to rounding. Logits are their own.
 */
export function logitsOf(y: Tensor, activation: WithLogits): Tensor | undefined {
  const found = logits.get(y);
  if (found === undefined || found.x.disposed) return undefined;
  return found.activation === null || found.activation === activation ? found.x : undefined;
}
